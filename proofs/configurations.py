"""What the default run decides: which topologies, and how far each is searched."""

from __future__ import annotations

from dataclasses import dataclass, replace

from model.environment import DEFAULT, Assumptions
from model.topology import BUILT_IN, Topology
from properties.catalogue import CATALOGUE
from properties.language import Kind, Property


@dataclass(frozen=True, slots=True)
class Configuration:
    """A topology and the number of states after which its explicit searches give up.

    `edges` are the edges of the state machines that are looked for there, by parts of their ids.  `assume` is what the
    environment may do there.  Where the run only `hunts`, it searches for violations: it leaves out induction, and the
    properties that exclude behaviours of the environment.
    """

    topology: Topology
    handler_states: int = 200_000
    section_states: int = 200_000
    exhausts: bool = False
    edges: tuple[str, ...] = ()
    hunts: bool = False
    assume: Assumptions = DEFAULT

    def decides(self, item: Property) -> bool:
        """Whether the default run decides a property here."""
        if not item.applies_to(self.topology):
            return False
        if item.kind is Kind.SOMETIMES:
            return any(edge in item.id for edge in self.edges)
        if self.hunts and item.assuming:
            return False
        return item.kind is not Kind.RECOVERABLE or self.exhausts


ALL_EDGES = ("P48.",)
ON_TWO_MP = ("vcpu.CREATED-OFF", "vm.CREATED-ABORTING")
SUBSCRIBED = ("vcpu.RUNNING-OFF",)
"""Edges that only some topologies have: two MP SPs; an MP SP that is asked about CPU_OFF."""
OF_MP_SPS = tuple(
    f"vcpu.{edge}"
    for edge in (
        *("ABORTED-OFF", "BLOCKED-OFF", "BLOCKED_INTERRUPT-OFF", "NULL-OFF", "OFF-CREATED", "OFF-STARTING"),
        *("PREEMPTED-OFF", "STARTING-OFF", "STOPPED-OFF", "STOPPING-OFF", "WAITING-OFF"),
    )
)
"""The other edges from and to OFF: only MP SPs take them."""
RARE = replace(DEFAULT, load_failures=True, el3_requests=True, direct_req2=True)
"""An environment that also does what the default one leaves out."""
CHAINS = DEFAULT.without("nwd_error", "sp_errors", "sp_runs_itself")
"""An environment without some calls that end an execution soon, so that long call chains are reached."""
MILLIONS = 4_000_000
"""More states than any topology has that is meant to be exhausted."""


def _others() -> tuple[str, ...]:
    """The edges that every SP can take."""
    elsewhere = (*ON_TWO_MP, *SUBSCRIBED, *OF_MP_SPS)
    return tuple(
        item.id
        for item in CATALOGUE.values()
        if item.kind is Kind.SOMETIMES and not any(edge in item.id for edge in elsewhere)
    )


DEFAULT_CONFIGURATIONS = (
    Configuration(
        BUILT_IN["1x2"],
        MILLIONS,
        MILLIONS,
        exhausts=True,
        edges=_others(),
    ),
    Configuration(
        BUILT_IN["2x1-up"],
        MILLIONS,
        MILLIONS,
        exhausts=True,
    ),
    Configuration(
        BUILT_IN["2x1-mp-silent"],
        MILLIONS,
        MILLIONS,
        exhausts=True,
        edges=OF_MP_SPS,
    ),
    Configuration(
        BUILT_IN["2x1-mp"],
        MILLIONS,
        MILLIONS,
        exhausts=True,
        edges=SUBSCRIBED,
    ),
    Configuration(BUILT_IN["1x2-signalled"], MILLIONS, MILLIONS, exhausts=True),
    Configuration(BUILT_IN["1x2-managed-exit"], MILLIONS, MILLIONS, exhausts=True),
    Configuration(BUILT_IN["1x2-el0"], MILLIONS, MILLIONS, exhausts=True, hunts=True, assume=RARE),
    Configuration(BUILT_IN["1x3"], MILLIONS, MILLIONS, exhausts=True, assume=CHAINS),
    Configuration(BUILT_IN["2x2-up"], 200_000, 200_000, hunts=True),
    Configuration(BUILT_IN["2x2-up-silent"], 150_000, 150_000, hunts=True),
    Configuration(BUILT_IN["2x2-up-first"], 150_000, 200_000, hunts=True),
    Configuration(BUILT_IN["2x2-mp"], 150_000, 100_000, edges=ON_TWO_MP, hunts=True),
    Configuration(BUILT_IN["2x2-mp-both"], 150_000, 100_000, hunts=True),
    Configuration(BUILT_IN["hypervisor-2x1"], MILLIONS, MILLIONS, exhausts=True, edges=("vm.",)),
    Configuration(BUILT_IN["2x2"], 250_000, 150_000),
)


def configuration_of(topology: Topology) -> Configuration:
    """The configuration of a topology: the default run's, or for any other a bounded one."""
    for configuration in DEFAULT_CONFIGURATIONS:
        if configuration.topology == topology:
            return configuration
    return Configuration(topology, edges=ALL_EDGES)
