"""The topology of a scenario: a built-in one by name, or a table in the scenario file."""

from __future__ import annotations

from model.topology import BUILT_IN, Topology
from model.topology_file import TopologyError, TopologyTable, described_topology
from model.values import World


def chosen_topology(description: str | TopologyTable) -> Topology:
    """The topology so named or described.  Raises ValueError, in one clause, for one that cannot be."""
    if isinstance(description, TopologyTable):
        try:
            return described_topology(description, "inline")
        except TopologyError as error:
            raise ValueError(f"topology: {error}") from error
    known = {name: topology for name, topology in BUILT_IN.items() if topology.world is World.SPMC}
    if description not in known:
        raise ValueError(f"topology: no '{description}'; known: {', '.join(known)}, or describe it in a table")
    return known[description]
