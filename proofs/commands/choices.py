"""Turns what the user names on the command line into properties and topologies."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from difflib import get_close_matches
from pathlib import Path

from model.topology import BUILT_IN, Topology
from model.topology_file import TopologyError, load_topology
from model.variants import REVISIONS, VARIANTS, Variants
from proofs.exit_codes import CommandError, ExitCode


def choose_properties(names: Sequence[str], known: Collection[str]) -> list[str] | None:
    """The properties with these ids, each once; None, for all, when none is named.

    Raises CommandError for an unknown id.
    """
    for name in names:
        if name not in known:
            raise _unknown("property", name, known)
    return list(dict.fromkeys(names)) or None


def choose_topologies(names: Sequence[str]) -> list[Topology] | None:
    """The built-in topologies and topology files so named, each once; None, for the default ones, when none is.

    Raises CommandError for an unknown name, a malformed file, and two topologies of one name.
    """
    chosen: dict[str, Topology] = {}
    for name in dict.fromkeys(names):
        topology = _topology(name)
        if topology.name in chosen:
            raise CommandError(ExitCode.INPUT, f"{name}: the name '{topology.name}' is taken; rename one topology")
        chosen[topology.name] = topology
    return list(chosen.values()) or None


def _topology(name: str) -> Topology:
    if name in BUILT_IN:
        return BUILT_IN[name]
    if not name.endswith(".toml"):
        raise _unknown("topology", name, BUILT_IN, "or a file whose name ends in .toml")
    try:
        return load_topology(Path(name))
    except TopologyError as error:
        raise CommandError(ExitCode.INPUT, str(error)) from error


def choose_variants(assignments: Sequence[str]) -> Variants:
    """The variants so assigned, and the defaults of the others.

    Raises CommandError for an unknown variant or alternative, and for a variant with two alternatives.
    """
    known = {f"revision={value}": ("revision", value) for value in REVISIONS}
    known |= {f"{item.name}={value}": (item.name, value) for item in VARIANTS for value in item.alternatives}
    chosen: dict[str, str] = {}
    for assignment in assignments:
        if assignment not in known:
            raise _unknown("variant", assignment, known)
        name, value = known[assignment]
        if chosen.setdefault(name, value) != value:
            raise CommandError(ExitCode.USAGE, f"variant '{name}' has two alternatives, {chosen[name]} and {value}")
    return Variants.of(chosen)


def _unknown(kind: str, name: str, known: Collection[str], otherwise: str = "") -> CommandError:
    by_lower_case = {candidate.lower(): candidate for candidate in known}
    close = get_close_matches(name.lower(), by_lower_case, n=1)
    suggestion = f"did you mean {by_lower_case[close[0]]}? " if close else ""
    choices = " ".join(filter(None, (", ".join(known), otherwise)))
    return CommandError(ExitCode.USAGE, f"unknown {kind} '{name}'; {suggestion}known: {choices}")
