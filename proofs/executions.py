"""The executions that violate a property: the simplest of the shortest, and others that break it by other causes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

from model.diagram import Diagram, Node
from model.exploration import Granularity, build_relation
from model.machine import Outcome
from model.source import Location
from model.topology import BUILT_IN
from model.variants import DEFAULT_VARIANTS, Variants
from proofs.configurations import MILLIONS, configuration_of
from proofs.engines.explicit import Ending, ExplicitSearch, Space
from proofs.engines.reachability import nearest, unrecoverable
from proofs.engines.simplest import Simplest, Way
from proofs.engines.successors import State, Successors
from proofs.traces.trace import Trace, attribute, record
from properties.catalogue import CATALOGUE
from properties.language import Kind

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Causes:
    """Executions that violate a property by different causes, shortest first, and how far others were looked for."""

    traces: tuple[Trace, ...]
    looked: str
    """How far others were looked for: a sentence."""


def shortest_execution(
    name: str, topology: str, check: str, length: int, variants: Variants = DEFAULT_VARIANTS
) -> Trace:
    """The simplest shortest execution that violates a property on a built-in topology, by a check if it has several.

    Raises LookupError when there is none of that length.
    """
    return _shortest(name, topology, check, length, variants)[1]


def different_causes(name: str, topology: str, check: str, length: int, most: int) -> Causes:
    """Up to so many executions like `shortest_execution`, that one first, each with a cause of its own.

    Two executions have the same cause if their last step passes the same lines and ends in the same way, and one of
    them consists of kinds of operations that the other has as well, on whatever CPUs, partitions and interrupts.
    They are looked for as far as `prove-all` searches. Raises LookupError when there is no execution of that length.
    """
    granularity, _ = _shortest(name, topology, check, length, DEFAULT_VARIANTS)
    configuration = configuration_of(BUILT_IN[topology])
    states = configuration.handler_states if granularity is Granularity.HANDLER else configuration.section_states
    hunt = _Hunt(name, topology, check, granularity, states, DEFAULT_VARIANTS, beyond=True)
    traces = []
    for trace in hunt.causes():
        traces.append(trace)
        if len(traces) == most:
            return Causes(tuple(traces), "There may be more causes: the search ended with these.")
    return Causes(tuple(traces), _looked(hunt.space, granularity))


def _looked(space: Space, granularity: Granularity) -> str:
    """How far a search went that found no more causes."""
    how = "operations as a whole" if granularity is Granularity.HANDLER else "every window"
    if space.complete:
        number = f"{len(space.states):,} state{'s' if len(space.states) > 1 else ''}"
        return f"No other cause: every state was searched, up to where the property breaks ({number}, {how})."
    return f"No other cause in up to {space.depth} steps; longer executions were not searched ({how})."


def _shortest(name: str, topology: str, check: str, length: int, variants: Variants) -> tuple[Granularity, Trace]:
    for granularity in Granularity:
        hunt = _Hunt(name, topology, check, granularity, MILLIONS, variants, max_depth=length)
        trace = hunt.shortest()
        if trace is not None and len(trace) == length:
            return granularity, trace
    raise LookupError(f"{name} on {topology} has no violation of {length} steps")


@dataclass(frozen=True, slots=True)
class _LastStep:
    """What the last step of an execution does, whoever is concerned: how it ends, and the lines it passes."""

    outcome: Outcome
    where: str
    lines: frozenset[tuple[Location | None, bool | None]]


class _Hunt:
    """A search for the executions that violate a property, by a check if it has several."""

    def __init__(
        self,
        name: str,
        topology: str,
        check: str,
        granularity: Granularity,
        max_states: int,
        variants: Variants,
        max_depth: int | None = None,
        beyond: bool = False,
    ):
        self._item = CATALOGUE[name]
        self._check = check
        self._assume = self._item.assumptions(configuration_of(BUILT_IN[topology]).assume)
        self._relation = build_relation(BUILT_IN[topology], self._assume, granularity, variants=variants)
        self._is_about_graph = self._item.kind is Kind.RECOVERABLE
        self._search = ExplicitSearch(
            Successors(self._relation),
            [self._item],
            max_states,
            keep_edges=self._is_about_graph,
            max_depth=None if self._is_about_graph else max_depth,
            beyond=beyond,
        )
        self._simplest = Simplest(self.space, BUILT_IN[topology])

    @property
    def space(self) -> Space:
        """What was searched."""
        return self._search.space

    def shortest(self) -> Trace | None:
        """The simplest of the shortest executions."""
        self._search.run()
        endings = self._endings()
        if not endings:
            return None
        return self._trace(self._simplest.best(nearest(self.space, endings)))

    def causes(self) -> Iterator[Trace]:
        """The executions with different causes, shorter ones first, then simpler ones."""
        tried: dict[object, list[int]] = {}
        shown: dict[_LastStep | None, list[int]] = {}
        for endings in self._by_length():
            ways = [way for ending in endings for way in self._simplest.ways(ending)]
            for way in sorted(ways, key=self._simplest.cost):
                kinds = self._simplest.ingredients.kinds(way.ingredients)
                if _has_less(tried, self._choice(way), kinds):
                    continue
                trace = self._trace(way)
                if not _has_less(shown, _last_step(trace), kinds):
                    yield trace

    def _endings(self) -> Sequence[Ending]:
        """How the executions that were found end."""
        space = self.space
        if self._check:
            return {f"{outcome.value} {where}": found for (outcome, where), found in space.failures.items()}.get(
                self._check, []
            )
        if not self._is_about_graph:
            return space.violations.get(self._item.id, [])
        if self._item.in_operations != (self._relation.granularity is Granularity.SECTION) or not space.complete:
            return []
        return unrecoverable(self._item, self._relation, space).endings

    def _by_length(self) -> Iterator[Sequence[Ending]]:
        """The last steps of the executions that were found, as the search goes on."""
        if self._is_about_graph:
            self._search.run()
            endings = sorted(self._endings(), key=self.space.length)
            stuck = {ending.state for ending in endings}
            for _, group in groupby(endings, key=self.space.length):
                steps = [step for ending in group for step in self._last_steps(ending)]
                yield [step for step in steps if step.choice is None or step.state not in stuck]
            return
        done = 0
        for _ in self._search.levels():
            endings = list(self._endings())
            yield [step for ending in endings[done:] for step in self._last_steps(ending)]
            done = len(endings)

    def _last_steps(self, ending: Ending) -> Sequence[Ending]:
        """An ending in a state, as the steps that lead there; the initial state has none."""
        if ending.choice is not None:
            return [ending]
        arrivals = self.space.arrivals.of(ending.state)
        return [Ending(source, choice, ending.objects) for source, choice in arrivals] or [ending]

    def _choice(self, way: Way) -> object:
        """The last step of an execution, as exactly as the relation tells steps apart."""
        if way.choice is None:
            return None
        state = self.space.states[way.source]
        return way.choice.action, way.choice.section, _answers(way.choice.diagram, state)

    def _trace(self, way: Way) -> Trace:
        """An execution, replayed by the concrete reading."""
        actions = [step.choice.action for step in self._simplest.steps(way)]
        layout, granularity = self._relation.layout, self._relation.granularity.value
        trace = record(layout.topology, self._assume, granularity, actions, variants=layout.variants)
        return attribute(trace, self._item, way.objects)


def _has_less(known: dict[T, list[int]], key: T, kinds: int) -> bool:
    """Whether something known has no kinds but these; if not, it is known from now on that these are enough."""
    others = known.setdefault(key, [])
    if any(other & kinds == other for other in others):
        return True
    others.append(kinds)
    return False


def _last_step(trace: Trace) -> _LastStep | None:
    """What the last step of a trace does; None of the empty trace."""
    if not trace.steps:
        return None
    last = trace.steps[-1]
    where = "" if last.outcome is Outcome.DEADLOCK else last.where
    return _LastStep(last.outcome, where, frozenset((part.location, part.taken) for part in last.path))


def _answers(diagram: Diagram, state: State) -> tuple[bool, ...]:
    """The way of a state through a diagram."""
    answers = []
    while isinstance(diagram, Node):
        answers.append(bool(diagram.mask >> state[diagram.variable] & 1))
        diagram = diagram.high if answers[-1] else diagram.low
    return tuple(answers)
