"""Comparing two choices of variants: can an observer tell them apart, and by which shortest executions?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from model.diagram import Node
from model.environment import Action, Assumptions
from model.exploration import Relation, build_relation
from model.machine import Outcome
from model.topology import Topology
from model.variants import Variants
from proofs.engines.choices import ChoiceSets
from proofs.engines.parametric import choices_that_show
from proofs.engines.product import Difference, Observed, Pairs, PairSearch, observed
from proofs.engines.successors import State
from proofs.traces.trace import ReplayError, Trace, TraceStep, record


@dataclass(frozen=True, slots=True)
class Separation:
    """The same stimuli to two choices, which an observer sees to differ at the last one.

    A trace is a step shorter where the last stimulus is impossible.
    """

    difference: Difference
    left: Trace
    right: Trace

    @property
    def length(self) -> int:
        """The number of stimuli."""
        return len(self.difference.actions)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two choices on one topology: the separations found, one of each kind, shortest first."""

    topology: Topology
    left: Variants
    right: Variants
    separations: tuple[Separation, ...]
    pairs: Pairs
    relation: Relation


Aligned = Callable[[Relation], Callable[[State, State], bool]]
"""Makes, for a relation, the test of whether a pair of states is related as it should be."""


def compare(
    topology: Topology,
    assume: Assumptions,
    left: Variants,
    right: Variants,
    max_pairs: int,
    first_only: bool = False,
    max_depth: int | None = None,
    aligned: Aligned | None = None,
) -> Comparison:
    """Search the pairs of states that the same stimuli lead both choices to; every separation is replayed.

    `max_depth` bounds the number of stimuli. Where no operation asks what differs, no pair is searched: all are equal.
    """
    free = {name for name, _ in left.deviations ^ right.deviations}
    relation = build_relation(topology, assume, variants=Variants.of(dict(left.deviations & right.deviations), free))
    left_others, right_others = ([name for name, _ in side.deviations if name in free] for side in (left, right))
    search = PairSearch(relation, left_others, right_others, max_pairs)
    if not _is_asked(relation):
        pairs = Pairs(complete=True)
    elif aligned:
        pairs = search.run(first_only, max_depth, aligned(relation))
    else:
        pairs = search.run(first_only, max_depth)
    separations = tuple(_separation(topology, assume, left, right, item) for item in pairs.differences)
    return Comparison(topology, left, right, separations, pairs, relation)


def _is_asked(relation: Relation) -> bool:
    """Whether some path depends on a free variant."""
    stack, seen = [diagram for _, diagram in relation.first], set()
    while stack:
        item = stack.pop()
        if isinstance(item, Node) and id(item) not in seen:
            if item.variable >= relation.layout.first_variant:
                return True
            seen.add(id(item))
            stack += (item.high, item.low)
    return False


def reverting(comparison: Comparison, separation: Separation) -> tuple[frozenset[str], ...]:
    """The smallest sets of variants that, taken as on the left, make the right side show what the left one does.

    Empty if not even all together do so under these stimuli.
    """
    sets, choices = _showing(comparison, separation.difference.actions, separation.left, separation.difference.left)
    on_the_right = [name for name, _ in comparison.right.deviations if name in sets.variants]
    return sets.smallest(choices, on_the_right)


def _showing(comparison: Comparison, actions: Sequence[Action], trace: Trace, last: Observed) -> tuple[ChoiceSets, int]:
    layout = comparison.relation.layout
    current = {key.first: layout.by_name[key, "current"] for key in layout.cpu_keys}
    running = _running(trace, actions)

    def shown(number: int, state: State, leaf: object) -> bool:
        seen = observed(state, leaf, current[actions[number].cpu])  # type: ignore[arg-type]
        return seen == (last if number == len(actions) - 1 else running[number])

    return choices_that_show(comparison.relation, actions, shown)


def _running(trace: Trace, actions: Sequence[Action]) -> list[Observed]:
    """What a trace shows at each step but the last."""
    return [_observed(trace, step) for step, _ in zip(trace.steps, actions[:-1], strict=False)]


def _observed(trace: Trace, step: TraceStep) -> Observed:
    if step.outcome is not Outcome.RETURN:
        return Observed(step.outcome, None, (), None)
    layout = trace.layout
    current = layout.by_name[layout.cpu_keys[step.action.cpu], "current"]
    return Observed(step.outcome, step.reply, step.delivered, current.domain[step.state[current.index]])


def _separation(
    topology: Topology, assume: Assumptions, left: Variants, right: Variants, difference: Difference
) -> Separation:
    traces = [
        _replayed(topology, assume, variants, difference.actions, seen)
        for variants, seen in ((left, difference.left), (right, difference.right))
    ]
    return Separation(difference, *traces)


def _replayed(
    topology: Topology, assume: Assumptions, variants: Variants, actions: tuple[Action, ...], seen: Observed
) -> Trace:
    """The execution by the concrete reading.  Raises ReplayError if that shows something else."""
    possible = seen.outcome not in (Outcome.DISABLED, Outcome.BLOCKED)
    trace = record(topology, assume, "handler", actions if possible else actions[:-1], variants=variants)
    if possible and _observed(trace, trace.steps[-1]) != seen:
        raise ReplayError(f"the concrete reading under {variants} does not show {seen}")
    return trace
