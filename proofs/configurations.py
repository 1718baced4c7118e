"""What the default run decides: which topologies, how far each is searched, and what says nothing where."""

from __future__ import annotations

from dataclasses import dataclass

from model.topology import BUILT_IN, Topology
from properties.language import Kind, Property


@dataclass(frozen=True, slots=True)
class Configuration:
    """A topology and the number of states after which its explicit searches give up.

    `vacuous` are the properties that nothing could break there (a test shows it), so that they say nothing.
    `edges` selects where single edges of the state machines are looked for: those that this marker is part of.
    """

    topology: Topology
    handler_states: int = 200_000
    section_states: int = 200_000
    exhausts: bool = False
    vacuous: frozenset[str] = frozenset()
    edges: tuple[str, ...] = ()

    def decides(self, item: Property) -> bool:
        """Whether the default run decides a property here."""
        if not item.applies_to(self.topology) or item.id in self.vacuous:
            return False
        if item.kind is Kind.SOMETIMES:
            return any(marker in item.id for marker in self.edges) and not (self.edges == NOT_OFF and "OFF" in item.id)
        return item.kind is not Kind.RECOVERABLE or self.exhausts


NOT_OFF = ("P48",)
"""Every edge but those from and to OFF, which only MP vCPUs take."""
MILLIONS = 4_000_000
"""More states than any topology has that is meant to be exhausted."""

DEFAULT_CONFIGURATIONS = (
    Configuration(
        BUILT_IN["1x2"],
        MILLIONS,
        MILLIONS,
        exhausts=True,
        vacuous=frozenset({"P05", "P05.r1", "P23", "X10"}),
        edges=NOT_OFF,
    ),
    Configuration(
        BUILT_IN["2x1-up"],
        MILLIONS,
        MILLIONS,
        exhausts=True,
        vacuous=frozenset({"P02", "P02.r1", "P03", "P05", "P05.r1", "X03", "X10"}),
    ),
    Configuration(
        BUILT_IN["2x1-mp-silent"],
        MILLIONS,
        MILLIONS,
        exhausts=True,
        vacuous=frozenset({"P09", "P33", "P33.r1", "X06", "X06.r1", "X08", "X08.r1"}),
        edges=("OFF",),
    ),
    Configuration(
        BUILT_IN["2x1-mp"],
        MILLIONS,
        MILLIONS,
        exhausts=True,
        vacuous=frozenset({"P05.r1", "P23", "P39.r1", "P47.r2", "X03"}),
    ),
    Configuration(BUILT_IN["hypervisor-2x1"], MILLIONS, MILLIONS, exhausts=True),
    Configuration(BUILT_IN["2x2"], 250_000, 150_000),
)


def configuration_of(topology: Topology) -> Configuration:
    """The configuration of a topology: the default run's, or for any other a bounded one."""
    for configuration in DEFAULT_CONFIGURATIONS:
        if configuration.topology == topology:
            return configuration
    return Configuration(topology, edges=("P48",))
