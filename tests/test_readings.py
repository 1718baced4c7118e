"""The two readings of the model agree: on recorded vectors, on random systems, and on whole state spaces."""

from __future__ import annotations

import ast
import copy
import gzip
import os
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from random import Random

import pytest
import z3
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import model.machine
from model.diagram import Copy, Diagram, Diagrams, Leaf, Node, leaf_for, leaves
from model.environment import Action, Assumptions, actions
from model.exploration import Explorer, Granularity, build_relation, full_masks
from model.machine import Field, Halt, Handle, Labels, Outcome
from model.readings import Concrete, Lazy, Symbolic
from model.simulation import Simulation
from model.source import operations
from model.system import perform
from model.topology import BUILT_IN, Partition, PartitionKind, Topology
from model.tracing import OPERATIONS_FOLDER
from model.values import HF_MANAGED_EXIT_INTID, InterruptAction, World
from model.variables import Layout, cpu_key
from proofs.engines.successors import Successors
from proofs.vectors.bench import Bench
from proofs.vectors.calls import call
from proofs.vectors.compare import Execution, VectorRunner, results
from proofs.vectors.format import Vector, read_vectors

ROOT = Path(__file__).parents[1]
SUBSET = sorted((ROOT / "tests/data/vectors").glob("*.jsonl.gz"))
GOLDEN = Path(os.environ.get("LIFECYCLE_GOLDEN", ROOT.parent / "shared/golden"))
EVERYTHING = Assumptions(
    cpu_off_refused=True, el3_requests=True, direct_req2=True, load_failures=True, boot_interrupts=True
)

Known = list[int]


class SymbolicBench:
    """The machine that vectors run on, with the symbolic reading in place of the concrete one."""

    def __init__(self, bench: Bench):
        self.symbolic = Symbolic(bench.machine.layout)
        self._bench = copy.copy(bench)
        self._bench.machine = self.symbolic  # type: ignore[assignment]
        self._bench._handles = {(handle.key.kind, str(handle.key)): handle for handle in self.symbolic.handles.values()}

    def execute(self, vector: Vector, known: Known, before: list[int], timer_expired: bool) -> Execution:
        """Follow the one path through the diagram of the vector's operation that its pre-state takes."""
        script: list[bool] = []
        while True:
            execution = self._run(vector, known, script, before, timer_expired)
            questions, answers = self.symbolic.questions, self.symbolic.answers
            right = [bool(mask >> before[variable] & 1) for variable, mask in questions]
            if answers == right:
                return execution
            first = next(i for i, (given, true) in enumerate(zip(answers, right, strict=True)) if given != true)
            script = right[: first + 1]

    def _run(
        self, vector: Vector, known: Known, script: list[bool], before: list[int], timer_expired: bool
    ) -> Execution:
        m = self.symbolic
        m.begin(known, vector.op.cpu, script, NEVER_STOP, True)
        outcome, where, reply, next_vcpu = Outcome.RETURN, "", None, None
        try:
            reply, next_vcpu = call(self._bench, vector.op, timer_expired)
        except Halt as halt:
            outcome, where = halt.outcome, halt.where
        if isinstance(next_vcpu, Lazy):
            next_vcpu = m.decode(next_vcpu.variable, before[next_vcpu.variable])
        after = list(before)
        for variable, written in m.writes.items():
            after[variable] = before[written.variable] if isinstance(written, Lazy) else written
        returned = outcome is Outcome.RETURN
        return Execution(
            before,
            after,
            timer_expired,
            outcome,
            where,
            reply,
            str(next_vcpu.key) if isinstance(next_vcpu, Handle) else None,
            {str(key): value for key, value in m.labels.delivered} if returned else {},
        )


NEVER_STOP = -1
"""As the number of windows and joins to pass: all of them."""


def sampled(files: list[Path], per_file: int) -> Iterator[Vector]:
    """Some vectors of every file, spread over it."""
    for file in files:
        count = gzip.decompress(file.read_bytes()).count(b"\n")
        yield from (vector for _, vector in islice(read_vectors(file), 0, None, max(1, count // per_file)))


def check_vector(vector: Vector, runner: VectorRunner, known_of: Callable[[Bench, list[int]], Known]) -> int:
    """The symbolic reading does what the concrete one does, which is what the vector says: the questions it asked."""
    bench = runner.bench(vector)
    before = bench.state_before(vector.pre)
    comparison = runner.run(vector)
    symbolic = SymbolicBench(bench)
    execution = symbolic.execute(vector, known_of(bench, before), before, comparison.execution.timer_expired)
    assert comparison.differences == []
    assert execution == comparison.execution
    assert [row for row in results(bench, vector, execution) if row.expected != row.actual] == []
    assert bench.changes(bench.state_after(before, vector.post), execution.after, decided_only=True) == []
    return len(symbolic.symbolic.questions)


def exactly(bench: Bench, before: list[int]) -> Known:
    """Only the pre-state."""
    return [1 << position for position in before]


def everything(bench: Bench, before: list[int]) -> Known:
    """Every value of every variable, but of locks: those that the pre-state has."""
    variables = bench.machine.layout.variables
    return [1 << p if v.field in ("lock", "section") else v.full for v, p in zip(variables, before, strict=True)]


@pytest.mark.parametrize("file", SUBSET, ids=lambda file: file.name.removesuffix(".jsonl.gz"))
def test_symbolic_reading_agrees_with_vectors(file: Path) -> None:
    runner = VectorRunner()
    questions = 0
    for vector in sampled([file], 60):
        assert check_vector(vector, runner, exactly) == 0
        questions += check_vector(vector, runner, everything)
    assert (questions > 0) != (file.name == "hypervisor.ffa_error.jsonl.gz"), "which just says NOT_SUPPORTED"


@pytest.mark.skipif(not GOLDEN.is_dir(), reason="the full sets are not here (LIFECYCLE_GOLDEN)")
def test_symbolic_reading_agrees_with_the_full_sets() -> None:
    runner = VectorRunner()
    for vector in sampled(sorted(GOLDEN.glob("*.jsonl.gz")), 4):
        check_vector(vector, runner, everything)


def diagram_of(layout: Layout, known: Known, action: Action) -> Diagram:
    """The diagram of an action, for states whose variables have values in `known`."""
    relation = Explorer(layout, EVERYTHING, Granularity.HANDLER, known).explore((action,))
    return relation.first[0][1]


def shown(outcome: Outcome, where: str, reply: object, labels: Labels) -> tuple[object, ...]:
    """What a step shows; nothing if it does not happen."""
    if outcome in (Outcome.DISABLED, Outcome.BLOCKED):
        return (outcome,)
    return outcome, where, reply, tuple(labels.delivered), tuple(labels.events), tuple(labels.refused)


def concretely(machine: Concrete, action: Action, state: list[int]) -> tuple[tuple[object, ...], list[int]]:
    """What an action shows, and the state it leaves."""
    after = list(state)
    machine.begin(after, action.cpu)
    outcome, where, reply = Outcome.RETURN, "", None
    try:
        reply = perform(machine, action, EVERYTHING)
    except Halt as halt:
        outcome, where = halt.outcome, halt.where
    if outcome in (Outcome.DISABLED, Outcome.BLOCKED):
        after = state
    return shown(outcome, where, reply, machine.labels), after


def symbolically(diagram: Diagram, state: list[int]) -> tuple[tuple[object, ...], list[int]]:
    """The same, by the leaf of the action's diagram."""
    leaf = leaf_for(diagram, state)
    after = list(state)
    for variable, written in leaf.writes:
        after[variable] = state[written.variable] if isinstance(written, Copy) else written
    labels = Labels(list(leaf.delivered), list(leaf.events), list(leaf.refused))
    return shown(leaf.outcome, leaf.where, leaf.reply, labels), after


@st.composite
def topologies(draw: st.DrawFn) -> Topology:
    """One or two CPUs, one to three SPs with any manifest."""
    cpus = draw(st.integers(1, 2))
    partitions = []
    for number in range(draw(st.integers(1, 3))):
        multiprocessor = cpus > 1 and draw(st.booleans())
        partitions.append(
            Partition(
                0x8001 + number,
                PartitionKind.SP,
                cpus if multiprocessor else 1,
                el0=not multiprocessor and draw(st.booleans()),
                lifecycle_support=not multiprocessor and draw(st.booleans()),
                cpu_off_subscribed=multiprocessor and draw(st.booleans()),
                sri_intr_while_waiting=draw(st.booleans()),
                sri_intr_pending_entry_wait=draw(st.booleans()),
                ns_interrupts_action=draw(st.sampled_from(InterruptAction)),
                other_s_interrupts_action=draw(st.sampled_from((InterruptAction.QUEUED, InterruptAction.SIGNALED))),
                interrupts=(40 + number,) if draw(st.booleans()) else (),
            )
        )
    other_world = Partition(0x0, PartitionKind.OTHER_WORLD, cpus)
    return Topology("random", World.SPMC, cpus, (*partitions, other_world))


def random_known(layout: Layout, random: Random, action: Action) -> Known:
    """Some values for every variable, but free locks; whoever acts on the CPU can execute there."""
    known = []
    for variable, full in zip(layout.variables, full_masks(layout), strict=True):
        narrow = full & random.getrandbits(len(variable.domain)) & random.getrandbits(len(variable.domain))
        known.append(narrow or full)
    cpu = cpu_key(action.cpu)
    acting = "saving" if action.operation == "api_regs_state_saved" else "current"
    for name, value in ((acting, action.actor), *([("saving", None)] if acting == "current" else [])):
        variable = layout.by_name[cpu, name]
        known[variable.index] = 1 << variable.domain.index(value)
    return known


def random_state(known: Known, random: Random) -> list[int]:
    """A state with values in `known`."""
    return [random.choice([i for i in range(mask.bit_length()) if mask >> i & 1]) for mask in known]


@settings(max_examples=250, deadline=None, derandomize=True, database=None, phases=(Phase.generate, Phase.shrink))
@given(topologies(), st.integers(0, 2**32), st.integers(0, 2**32))
def test_readings_agree_on_random_systems(topology: Topology, number: int, seed: int) -> None:
    layout = Layout(topology, (HF_MANAGED_EXIT_INTID,))
    possible = actions(topology, EVERYTHING)
    action = possible[number % len(possible)]
    random = Random(seed)
    known = random_known(layout, random, action)
    diagram = diagram_of(layout, known, action)
    machine = Concrete(layout)
    for _ in range(20):
        state = random_state(known, random)
        assert symbolically(diagram, state) == concretely(machine, action, state)
