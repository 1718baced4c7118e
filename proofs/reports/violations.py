"""Shortest executions that violate a property under a choice of variants."""

from __future__ import annotations

from dataclasses import dataclass

from model.exploration import build_relation
from model.topology import BUILT_IN
from model.variants import Variants
from proofs.engines.explicit import ExplicitSearch
from proofs.engines.reachability import nearest
from proofs.engines.simplest import Simplest
from proofs.engines.successors import Successors
from proofs.reports.settings import STATES, Setting
from proofs.traces.trace import Trace, attribute, record
from properties.catalogue import CATALOGUE


@dataclass(frozen=True, slots=True)
class Violated:
    """A property that is violated in a setting under these variants; `name` is that of its trace."""

    name: str
    property_id: str
    setting: Setting
    variants: Variants


def shortest_violation(violated: Violated) -> Trace:
    """The simplest of the shortest executions, replayed.  Raises LookupError if there is none."""
    item, setting = CATALOGUE[violated.property_id], violated.setting
    topology, assume = BUILT_IN[setting.topology], setting.assume
    relation = build_relation(topology, assume, setting.granularity, variants=violated.variants)
    search = ExplicitSearch(Successors(relation), [item], STATES)
    endings = next((found for _ in search.levels() if (found := search.space.violations.get(item.id))), None)
    if not endings:
        raise LookupError(f"{item.id} is not violated on {setting} under {violated.variants}")
    simplest = Simplest(search.space, topology)
    way = simplest.best(nearest(search.space, endings))
    actions = [step.choice.action for step in simplest.steps(way)]
    trace = record(topology, assume, setting.granularity.value, actions, variants=violated.variants)
    return attribute(trace, item, way.objects)
