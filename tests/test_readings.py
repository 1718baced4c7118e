"""The two readings of the model agree: on recorded vectors, on random systems, and on whole state spaces."""

from __future__ import annotations

import copy
import gzip
import os
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from random import Random

import pytest
import z3
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from model.diagram import Copy, Diagram, Leaf, leaf_for, leaves
from model.environment import Action, Assumptions, actions
from model.exploration import Explorer, Granularity, build_relation, full_masks
from model.machine import Halt, Handle, Labels, Outcome
from model.readings import Concrete, Lazy, Symbolic
from model.simulation import Simulation
from model.system import perform
from model.topology import BUILT_IN, Partition, PartitionKind, Topology
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
    cpu_off_refused=True,
    el3_requests=True,
    direct_req2=True,
    load_failures=True,
    other_errors=True,
    bad_aborts=True,
    boot_interrupts=True,
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
@given(topologies() | st.just(BUILT_IN["hypervisor-2x1"]), st.integers(0, 2**32), st.integers(0, 2**32))
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


def reached_by_simulation(topology: Topology, assume: Assumptions) -> set[tuple[int, ...]]:
    """Every state that the concrete reading reaches, action by action."""
    simulation = Simulation(Layout(topology), assume, stop_at_windows=False)
    possible = actions(topology, assume)
    seen = {simulation.state}
    waiting = list(seen)
    while waiting:
        state = waiting.pop()
        for action in possible:
            simulation.state = state
            executed = simulation.step(action)
            if executed.outcome is Outcome.RETURN and executed.state not in seen:
                seen.add(executed.state)
                waiting.append(executed.state)
    return seen


def reached_by_diagrams(topology: Topology, assume: Assumptions) -> set[tuple[int, ...]]:
    """Every state that the diagrams of the relation lead to."""
    successors = Successors(build_relation(topology, assume))
    seen = {successors.initial()}
    waiting = list(seen)
    while waiting:
        state = waiting.pop()
        for _, leaf in successors.steps(state):
            after = successors.after(state, leaf)
            if leaf.outcome is Outcome.RETURN and after not in seen:
                seen.add(after)
                waiting.append(after)
    return {tuple(state) for state in seen}


@pytest.mark.parametrize(
    ("topology", "without"),
    [
        ("1x2", ("secure_interrupts", "non_secure_interrupts")),
        ("1x2", ("sp_runs", "sp_requests", "sp_yields")),
        ("2x1-mp", ("secure_interrupts", "sp_runs")),
    ],
)
def test_readings_reach_the_same_states(topology: str, without: tuple[str, ...]) -> None:
    assume = Assumptions().without(*without)
    concrete = reached_by_simulation(BUILT_IN[topology], assume)
    assert len(concrete) > 500
    assert reached_by_diagrams(BUILT_IN[topology], assume) == concrete


@pytest.mark.parametrize("topology", ["2x1-mp", "2x1-up", "2x2"])
def test_readings_walk_in_step_through_windows(topology: str) -> None:
    """Random executions at section granularity; a CPU's `section` numbers continuations in the diagrams only."""
    assume = Assumptions().without("sp_runs", "sp_requests") if topology == "2x2" else Assumptions()
    successors = Successors(build_relation(BUILT_IN[topology], assume, Granularity.SECTION))
    layout = successors.relation.layout
    sections = {layout.by_name[key, "section"].index for key in layout.cpu_keys}
    for seed in range(20):
        random = Random(seed)
        simulation = Simulation(layout, assume, stop_at_windows=True)
        state = successors.initial()
        for _ in range(100):
            choice, leaf = random.choice(list(successors.steps(state)))
            executed = simulation.step(choice.action)
            labels = Labels(list(leaf.delivered), list(leaf.events), list(leaf.refused))
            assert shown(executed.outcome, executed.where, executed.reply, executed.labels) == shown(
                leaf.outcome, leaf.where, leaf.reply, labels
            )
            if leaf.outcome not in (Outcome.RETURN, Outcome.SUSPENDED):
                break
            state = successors.after(state, leaf)
            assert all(state[v] == executed.state[v] for v in range(len(state)) if v not in sections)


class Formula:
    """A diagram as a formula over the state before and after: which leaf is reached, and what it writes."""

    def __init__(self, diagram: Diagram, size: int):
        self.before = [z3.BitVec(f"before{v}", 16) for v in range(size)]
        self.after = [z3.BitVec(f"after{v}", 16) for v in range(size)]
        self.leaf = z3.Int("leaf")
        self.leaves = list(leaves(diagram))
        self._numbers = {id(leaf): number for number, leaf in enumerate(self.leaves)}
        self._known: dict[int, z3.ArithRef] = {}
        self.solver = z3.Solver()
        self.solver.add(self.leaf == self._which(diagram))
        for number, leaf in enumerate(self.leaves):
            self.solver.add(z3.Implies(self.leaf == number, z3.And(self._effect(leaf))))

    def _which(self, item: Diagram) -> z3.ArithRef:
        if isinstance(item, Leaf):
            return z3.IntVal(self._numbers[id(item)])
        if id(item) not in self._known:
            positions = [i for i in range(item.mask.bit_length()) if item.mask >> i & 1]
            among = z3.Or([self.before[item.variable] == i for i in positions])
            self._known[id(item)] = z3.If(among, self._which(item.high), self._which(item.low))
        return self._known[id(item)]

    def _effect(self, leaf: Leaf) -> Iterator[z3.BoolRef]:
        writes = dict(leaf.writes)
        for variable, new in enumerate(self.after):
            written = writes.get(variable, Copy(variable))
            yield new == (self.before[written.variable] if isinstance(written, Copy) else written)

    def successors(self, state: Sequence[int]) -> list[tuple[Leaf, list[int]]]:
        """Every leaf and state afterwards that the formula allows; at most two."""
        self.solver.push()
        self.solver.add([variable == position for variable, position in zip(self.before, state, strict=True)])
        found: list[tuple[Leaf, list[int]]] = []
        while len(found) < 2 and self.solver.check() == z3.sat:
            model = self.solver.model()
            leaf, after = model.eval(self.leaf).as_long(), [model.eval(v).as_long() for v in self.after]
            found.append((self.leaves[leaf], after))
            self.solver.add(z3.Or(self.leaf != leaf, *(v != p for v, p in zip(self.after, after, strict=True))))
        self.solver.pop()
        return found


def test_a_solver_finds_exactly_one_successor() -> None:
    relation = build_relation(BUILT_IN["2x1-mp"], Assumptions())
    states = reached_by_diagrams(BUILT_IN["2x1-mp"], Assumptions().without("secure_interrupts", "sp_runs"))
    sample = Random(0).sample(sorted(states), 5)
    outcomes = set()
    for _, diagram in relation.first:
        formula = Formula(diagram, len(relation.layout.variables))
        for state in sample:
            ((leaf, after),) = formula.successors(state)
            assert leaf is leaf_for(diagram, list(state))
            assert after == symbolically(diagram, list(state))[1]
            outcomes.add(leaf.outcome)
    assert outcomes > {Outcome.RETURN, Outcome.DISABLED}
