"""What fixes leave to be desired on topologies that are too large for a complete search."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from model.exploration import Granularity, build_relation
from model.topology import BUILT_IN
from model.variants import Variants
from proofs.configurations import configuration_of
from proofs.engines.explicit import ExplicitSearch
from proofs.engines.successors import Successors
from proofs.findings import expectations
from proofs.reports.settings import Setting

LARGER: Final = ("2x2", "2x2-up", "2x2-mp")
STATES: Final = 60_000


@dataclass(frozen=True, slots=True)
class Remaining:
    """What is still violated with some fixes, in how many steps, in the first states of a topology.

    `known` are the properties, of those that are decided, whose violation there `prove-all` expects without fixes.
    """

    topology: str
    states: int
    depth: int
    violated: dict[str, int]
    known: tuple[str, ...]


def remaining(topology: str, fixes: Iterable[str]) -> Remaining:
    """Search a topology with these fixes, between whole operations."""
    assume = configuration_of(BUILT_IN[topology]).assume
    variants = Variants.of(dict.fromkeys(fixes, "fixed"))
    relation = build_relation(BUILT_IN[topology], assume, variants=variants)
    items = Setting(topology, Granularity.HANDLER).properties()
    space = ExplicitSearch(Successors(relation), items, STATES).run()
    violated = {name: space.length(endings[0]) for name, endings in space.violations.items()}
    expected = {item.property for item in expectations().values() if item.topology == topology}
    known = tuple(item.id for item in items if item.id in expected)
    return Remaining(topology, len(space.states), space.depth, dict(sorted(violated.items())), known)
