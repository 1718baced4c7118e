"""What the default run decides: which topologies, and how far each is searched."""

from __future__ import annotations

from dataclasses import dataclass

from model.topology import BUILT_IN, Topology
from properties.language import Kind, Property


@dataclass(frozen=True, slots=True)
class Configuration:
    """A topology and the number of states after which its explicit searches give up.

    `sometimes` says whether this is where reachability of single edges is decided.
    """

    topology: Topology
    handler_states: int = 200_000
    section_states: int = 200_000
    sometimes: bool = False

    def decides(self, item: Property) -> bool:
        """Whether the default run decides a property here."""
        if not item.applies_to(self.topology):
            return False
        if item.kind is Kind.SOMETIMES:
            return self.sometimes
        return item.kind is not Kind.RECOVERABLE or self.section_states > SMALL


SMALL = 250_000
"""Searches with at most this many states are not meant to be complete."""

DEFAULT_CONFIGURATIONS = (
    Configuration(BUILT_IN["1x2"], 1_000_000, 1_000_000),
    Configuration(BUILT_IN["2x1-up"], 1_000_000, 1_000_000),
    Configuration(BUILT_IN["2x1-mp"], 1_000_000, 1_000_000),
    Configuration(BUILT_IN["hypervisor-2x1"], 1_000_000, 2_000_000, sometimes=True),
    Configuration(BUILT_IN["2x2"], 250_000, 150_000, sometimes=True),
)


def configuration_of(topology: Topology) -> Configuration:
    """The configuration of a topology: the default run's, or for any other a bounded one."""
    for configuration in DEFAULT_CONFIGURATIONS:
        if configuration.topology == topology:
            return configuration
    return Configuration(topology, sometimes=True)
