"""Planning what is to be decided, and deciding it: explicit search first, then induction."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import z3

from model.environment import Action
from model.exploration import Granularity, Relation, build_relation
from model.topology import Topology
from model.variants import DEFAULT_VARIANTS, Variants
from proofs.configurations import DEFAULT_CONFIGURATIONS, Configuration, configuration_of
from proofs.engines.bmc import BoundedModelChecker
from proofs.engines.encoding import Encoding
from proofs.engines.explicit import Ending, ExplicitSearch, Space
from proofs.engines.goals import Goals
from proofs.engines.induction import prove_by_induction
from proofs.engines.outcome import Bounded, Found, Unknown
from proofs.engines.reachability import is_dead, nearest, unrecoverable
from proofs.engines.simplest import Simplest, Way
from proofs.engines.successors import Successors
from proofs.traces.trace import Trace, attribute, record
from proofs.verdicts import Evidence, Obligation, Result, Verdict
from properties.catalogue import CATALOGUE
from properties.language import Kind, Property

BMC = "bounded model checking, section granularity"


@dataclass(frozen=True, slots=True)
class Task:
    """Obligations that are decided together: properties of one topology under the same assumptions."""

    label: str
    configuration: Configuration
    excluded: tuple[str, ...]
    obligations: tuple[Obligation, ...]
    depth: int | None
    seed: int
    variants: Variants = DEFAULT_VARIANTS


def known_properties() -> dict[str, str]:
    """The title of each property, by id."""
    return {item.id: item.title for item in CATALOGUE.values()}


def plan(
    topologies: Sequence[Topology] | None,
    properties: Sequence[str] | None,
    depth: int | None,
    seed: int,
    variants: Variants = DEFAULT_VARIANTS,
) -> list[Task]:
    """The tasks of a run; by default every property on the default configurations, hardest first."""
    if topologies is None:
        configurations = list(reversed(DEFAULT_CONFIGURATIONS))
    else:
        configurations = [configuration_of(topology) for topology in topologies]
    tasks = []
    for configuration in configurations:
        groups: defaultdict[tuple[str, ...], list[Obligation]] = defaultdict(list)
        for item in CATALOGUE.values():
            if (properties is None or item.id in properties) and configuration.decides(item):
                groups[item.assuming].append(Obligation(item.id, configuration.topology.name, str(variants)))
        for excluded, obligations in groups.items():
            without = f" without {', '.join(excluded)}" if excluded else ""
            label = configuration.topology.name + without
            tasks.append(Task(label, configuration, excluded, tuple(obligations), depth, seed, variants))
    return tasks


def decide(task: Task) -> Iterator[Result]:
    """Decide every obligation of a task, each yielded as soon as it is known."""
    yield from _Decision(task).results()


@dataclass(frozen=True, slots=True)
class _Search:
    """A search of the relation of a topology, and the simplest of the shortest executions in what was found."""

    relation: Relation
    space: Space
    simplest: Simplest


class _Decision:
    """The state of deciding one task."""

    def __init__(self, task: Task):
        self._task = task
        self._open = {o.property: o for o in task.obligations}
        self._assume = task.configuration.assume.without(*task.excluded)
        self._witnesses: dict[str, int] = {}
        self._started = time.perf_counter()

    def results(self) -> Iterator[Result]:
        """Violations at handler granularity first, then what windows add, then proofs."""
        configuration = self._task.configuration
        coarse = self._search(Granularity.HANDLER, configuration.handler_states)
        yield from self._violations(coarse)
        yield from self._seen(coarse.space)
        yield from self._recoverable(coarse)
        if not self._open:
            return
        fine = self._search(Granularity.SECTION, configuration.section_states)
        relation, space = fine.relation, fine.space
        yield from self._violations(fine)
        yield from self._failures([coarse, fine])
        yield from self._seen(space)
        yield from self._never_seen(relation, space)
        yield from self._recoverable(fine)
        yield from self._exhausted(relation, space)
        if not configuration.hunts:
            yield from self._induction(relation, space)
        yield from self._bounded(relation, space)

    def _properties(self, *kinds: Kind) -> list[Property]:
        return [CATALOGUE[name] for name in self._open if CATALOGUE[name].kind in kinds]

    def _search(self, granularity: Granularity, states: int) -> _Search:
        topology = self._task.configuration.topology
        relation = build_relation(topology, self._assume, granularity, variants=self._task.variants)
        items = self._properties(Kind.ALWAYS, Kind.STEP, Kind.SOMETIMES)
        keep_edges = bool(self._recoverables(granularity))
        space = ExplicitSearch(Successors(relation), items, states, keep_edges, self._task.depth).run()
        for name, depth in space.witnesses.items():
            self._witnesses.setdefault(name, depth)
        return _Search(relation, space, Simplest(space, topology))

    def _violations(self, search: _Search) -> Iterator[Result]:
        for name, endings in search.space.violations.items():
            item = CATALOGUE[name]
            if item.kind in (Kind.ALWAYS, Kind.STEP) and not item.causes:
                yield self._violated(item, search, endings)

    def _violated(
        self, item: Property, search: _Search, endings: Sequence[Ending], causes: dict[str, Trace] | None = None
    ) -> Result:
        """A violation, with the simplest of the shortest executions, replayed by the concrete reading."""
        best = search.simplest.best(endings)
        trace = attribute(self._trace(search, best), item, best.objects)
        return self._decided(item, Verdict.VIOLATED, _method(search.relation), len(trace), search.space, trace, causes)

    def _failures(self, searches: Sequence[_Search]) -> Iterator[Result]:
        """The properties that can fail in several ways, with every failing check of both searches."""
        for item in [item for item in self._properties(Kind.STEP) if item.causes]:
            violated = [search for search in searches if item.id in search.space.violations]
            causes: dict[str, Trace] = {}
            for search in violated:
                for (outcome, where), endings in search.space.failures.items():
                    if (check := f"{outcome.value} {where}") not in causes:
                        causes[check] = self._trace(search, search.simplest.best(endings))
            if violated:
                yield self._violated(item, violated[0], violated[0].space.violations[item.id], causes)

    def _trace(self, search: _Search, way: Way) -> Trace:
        """The execution, replayed by the concrete reading."""
        return self._replayed(search.relation, [step.choice.action for step in search.simplest.steps(way)])

    def _replayed(self, relation: Relation, actions: Sequence[Action]) -> Trace:
        layout = relation.layout
        return record(layout.topology, self._assume, relation.granularity.value, actions, variants=layout.variants)

    def _seen(self, space: Space) -> Iterator[Result]:
        """What has to be possible, and was seen."""
        for item in self._properties(Kind.SOMETIMES):
            if item.id in space.witnesses:
                yield self._decided(item, Verdict.PROVED, "witness found", space.witnesses[item.id], space)

    def _never_seen(self, relation: Relation, space: Space) -> Iterator[Result]:
        """What has to be possible, but is not: no step of a complete space, or no path of the relation, does it."""
        for item in self._properties(Kind.SOMETIMES):
            if space.complete:
                yield self._decided(item, Verdict.VIOLATED, "exhaustive search, every window", None, space)
            elif is_dead(item, relation):
                yield self._decided(item, Verdict.VIOLATED, "no path of the relation does it", None, space)
            else:
                yield self._decided(item, Verdict.UNKNOWN, _method(relation), space.depth, space)

    def _recoverables(self, granularity: Granularity) -> list[Property]:
        """The open properties of kind RECOVERABLE that are decided at a granularity."""
        in_operations = granularity is Granularity.SECTION
        return [item for item in self._properties(Kind.RECOVERABLE) if item.in_operations == in_operations]

    def _recoverable(self, search: _Search) -> Iterator[Result]:
        relation, space = search.relation, search.space
        for item in self._recoverables(relation.granularity):
            if not space.complete:
                yield self._decided(item, Verdict.UNKNOWN, _method(relation), space.depth, space)
                continue
            found = unrecoverable(item, relation, space)
            self._witnesses.update(found.witnesses)
            if found.endings:
                yield self._violated(item, search, nearest(space, found.endings))
            else:
                yield self._proved(item, relation, space)

    def _exhausted(self, relation: Relation, space: Space) -> Iterator[Result]:
        if space.complete:
            for item in self._properties(Kind.ALWAYS, Kind.STEP):
                yield self._proved(item, relation, space)

    def _proved(self, item: Property, relation: Relation, space: Space) -> Result:
        """A property that holds everywhere in a complete space, unless nothing there could break it."""
        if item.id not in self._witnesses:
            return self._decided(item, Verdict.VACUOUS, _exhaustive(relation), space.depth, space)
        return self._decided(item, Verdict.PROVED, _exhaustive(relation), space.depth, space)

    def _induction(self, relation: Relation, space: Space) -> Iterator[Result]:
        items = self._properties(Kind.ALWAYS, Kind.STEP)
        proofs = prove_by_induction(relation, items, space.states, self._task.seed) if items else {}
        for item in items:
            proof = proofs.get(item.id)
            if proof is None:
                continue
            if item.id not in self._witnesses:
                yield self._decided(item, Verdict.UNKNOWN, f"{proof.method}, but no witness", space.depth, space)
            else:
                yield self._decided(item, Verdict.PROVED, proof.method, None, None, invariant=proof.invariant)

    def _bounded(self, relation: Relation, space: Space) -> Iterator[Result]:
        """What is still open holds as far as was searched; Z3 goes on where that is less than was asked for."""
        items = self._properties(Kind.ALWAYS, Kind.STEP)
        depth = self._task.depth or 0
        if space.depth >= depth:
            for item in items:
                yield self._decided(item, Verdict.BOUNDED, _method(relation), space.depth, space)
            return
        encoding = Encoding(relation)
        goals = Goals(encoding)
        checker = BoundedModelChecker(encoding, [goals.violation(item) for item in items], seed=self._task.seed)
        for item, answer in zip(items, checker.run(depth), strict=True):
            match answer:
                case Found():
                    trace = attribute(
                        self._replayed(relation, [step.action for step in answer.steps]), item, answer.instance.objects
                    )
                    yield self._decided(item, Verdict.VIOLATED, BMC, len(trace), None, trace)
                case Bounded():
                    yield self._decided(item, Verdict.BOUNDED, BMC, answer.depth, None)
                case Unknown():
                    yield self._decided(item, Verdict.UNKNOWN, f"{BMC}: {answer.reason}", None, None)

    def _decided(
        self,
        item: Property,
        verdict: Verdict,
        method: str,
        depth: int | None,
        space: Space | None,
        trace: Trace | None = None,
        causes: dict[str, Trace] | None = None,
        invariant: str | None = None,
    ) -> Result:
        now = time.perf_counter()
        evidence = Evidence(
            method=method,
            seconds=now - self._started,
            depth=depth,
            states=None if space is None else len(space.states),
            witness=self._witnesses.get(item.id),
            invariant=invariant,
            solver=f"z3 {z3.get_version_string()}",
            seed=self._task.seed,
            trace=trace,
            causes=causes or {},
        )
        self._started = now
        return Result(self._open.pop(item.id), verdict, evidence)


def _exhaustive(relation: Relation) -> str:
    return f"exhaustive search, {relation.granularity.value} granularity"


def _method(relation: Relation) -> str:
    return f"explicit search, {relation.granularity.value} granularity"
