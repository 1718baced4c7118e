"""Where variants are searched for all choices at once: topologies that can be searched completely."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from model.environment import Assumptions
from model.exploration import Granularity, build_relation
from model.topology import BUILT_IN
from model.variants import Variants
from proofs.configurations import configuration_of
from proofs.engines.choices import Term
from proofs.engines.parametric import ParametricSearch
from properties.catalogue import CATALOGUE
from properties.language import Kind, Property

STATES: Final = 1_500_000


@dataclass(frozen=True, slots=True)
class Setting:
    """A topology, the granularity of its interleavings, and what the environment does not do besides."""

    topology: str
    granularity: Granularity = Granularity.SECTION
    excluded: tuple[str, ...] = ()

    def __str__(self) -> str:
        without = f" without {' and '.join(name.replace('_', ' ') for name in self.excluded)}" if self.excluded else ""
        whole = " (whole operations)" if self.granularity is Granularity.HANDLER else ""
        return f"{self.topology}{without}{whole}"

    @property
    def assume(self) -> Assumptions:
        """What the environment does: as in the default run, without what is excluded."""
        return configuration_of(BUILT_IN[self.topology]).assume.without(*self.excluded)

    def properties(self) -> list[Property]:
        """The properties that are decided: of states and steps, under the default assumptions."""
        topology = BUILT_IN[self.topology]
        kinds = (Kind.ALWAYS, Kind.STEP)
        return [p for p in CATALOGUE.values() if p.applies_to(topology) and not p.assuming and p.kind in kinds]


SETTINGS: Final = (
    Setting("1x2"),
    Setting("2x1-mp", Granularity.HANDLER, ("secure_interrupts",)),
    Setting("2x1-mp-silent", Granularity.HANDLER),
    Setting("hypervisor-2x1", Granularity.HANDLER),
    Setting("2x1-up"),
)


@dataclass(frozen=True, slots=True)
class Dependence:
    """In one setting: for each property, the choices under which it is violated, as a union of terms."""

    setting: Setting
    states: int
    complete: bool
    violated: dict[str, tuple[Term, ...]]


def dependence(setting: Setting, free: Sequence[str]) -> Dependence:
    """Under which choices of the free variants each property is violated."""
    topology, variants = BUILT_IN[setting.topology], Variants.of({}, free)
    relation = build_relation(topology, setting.assume, setting.granularity, variants=variants)
    spaces = ParametricSearch(relation, setting.properties(), STATES).run()
    violated = {name: spaces.sets.terms(choices) for name, choices in spaces.violated.items()}
    return Dependence(setting, len(spaces.reached), spaces.complete, violated)
