"""The catalogue of properties: well-formed, able to tell good from bad, and the same in both readings."""

from __future__ import annotations

import random
import re
from dataclasses import fields
from typing import Any

import pytest

from model.diagram import Leaf, leaf_for
from model.environment import DEFAULT, Action, Assumptions
from model.exploration import Granularity, Relation, build_relation, full_masks
from model.machine import Outcome
from model.readings import Concrete
from model.source import operations
from model.topology import BUILT_IN
from model.values import (
    HF_NWD_VM_ID,
    HF_SPMC_VM_ID,
    HF_SPMD_VM_ID,
    DirectMessage,
    FfaError,
    FfaValue,
    Framework,
    Func,
    PriorityMask,
    RuntimeModel,
    SchedulingMode,
    VcpuState,
    VmState,
    ffa_error,
)
from model.variables import Key, Layout, cpu_key, vcpu_key, vm_key
from proofs.engines.predicates import TRUE, PredicateCompiler, instances, step_label
from proofs.engines.successors import Successors
from properties.catalogue import CATALOGUE
from properties.language import Kind, StepLabel

LAYOUT = Layout(BUILT_IN["2x2"])
MP, UP = vm_key(0x8001), vm_key(0x8002)
MP0, MP1, UP0, NWD0 = vcpu_key(0x8001, 0), vcpu_key(0x8001, 1), vcpu_key(0x8002, 0), vcpu_key(0x0, 0)
CPU0, CPU1 = cpu_key(0), cpu_key(1)

Change = dict[tuple[Key, str], Any]
Taken = tuple[StepLabel, Change, Change]
"""A step: what it shows, the state before (as changes of the initial one), what it changes."""


def of(owner: Key, **values: Any) -> Change:
    """Fields of an object; pointers are written as keys."""
    return {(owner, field): value for field, value in values.items()}


def machine(change: Change) -> Concrete:
    """The initial state with some fields changed."""
    made = Concrete(LAYOUT)
    for (owner, field), value in change.items():
        setattr(made.handles[owner], field, made.handles[value] if isinstance(value, Key) else value)
    return made


def by(operation: str, *arguments: Any, actor: Key | None = NWD0, cpu: int = 0, **shown: Any) -> StepLabel:
    """What a step shows."""
    nothing: dict[str, Any] = {
        "outcome": Outcome.RETURN,
        "where": "",
        "reply": None,
        "delivered": (),
        "events": (),
        "refused": (),
        "first": True,
    }
    return StepLabel(Action(operation, cpu, actor, arguments), **(nothing | shown))


BUSY, ABORTED = ffa_error(FfaError.BUSY), ffa_error(FfaError.ABORTED)
DELIVERED = ((UP0, FfaValue(Func.DIRECT_REQ)),)
REQUEST = DirectMessage(Func.DIRECT_REQ, HF_NWD_VM_ID, 0x8002)
POWER_OFF = DirectMessage(Func.DIRECT_REQ, HF_SPMD_VM_ID, HF_SPMC_VM_ID, Framework.PSCI_CPU_OFF)
RUN, SEND, INTERRUPT = "api_ffa_run", "api_ffa_msg_send_direct_req", "ffa_interrupts_handle_secure_interrupt"
WAITING, RUNNING = of(UP0, state=VcpuState.WAITING), of(UP0, state=VcpuState.RUNNING)
ABORTED_VCPU, OFF = of(UP0, state=VcpuState.ABORTED), of(UP0, state=VcpuState.OFF)
UP_RUNNING, UP_ABORTING = of(UP, state=VmState.RUNNING), of(UP, state=VmState.ABORTING)
UNSAVED, CURRENT = of(UP0, regs_available=False), of(CPU0, current=UP0)
MP_PREEMPTED = of(MP0, state=VcpuState.PREEMPTED, scheduling_mode=SchedulingMode.SPMC_MODE)
MASKED = of(CPU0, priority_mask=PriorityMask.ALL_MASKED)
BOTH_RUN = RUNNING | of(MP0, state=VcpuState.RUNNING, cpu=CPU0)

STATES: list[tuple[str, tuple[Key, ...], Change, Change]] = [
    ("P01", (UP0,), UP_RUNNING | RUNNING, UP_ABORTING | RUNNING),
    ("P04", (CPU0, UP0), ABORTED_VCPU, ABORTED_VCPU | CURRENT),
    ("P14", (UP0,), RUNNING | UP_RUNNING, RUNNING | of(UP, state=VmState.CREATED)),
    ("P15", (UP,), of(UP, state=VmState.CREATED), of(UP, state=VmState.CREATED) | OFF),
    ("P16", (UP,), UP_RUNNING | WAITING, UP_RUNNING),
    ("P18", (CPU0, UP0), CURRENT | RUNNING, CURRENT | of(UP0, state=VcpuState.PREEMPTED)),
    ("P19", (UP0,), CURRENT | RUNNING, RUNNING),
    ("P20", (MP0, UP0), BOTH_RUN | of(UP0, cpu=CPU1), BOTH_RUN | of(UP0, cpu=CPU0)),
    ("P21", (UP0,), RUNNING | UNSAVED, RUNNING),
    ("P22", (UP0,), WAITING, WAITING | UNSAVED),
    ("P24", (CPU0, CPU1, UP0), CURRENT | of(CPU1, current=MP1), CURRENT | of(CPU1, current=UP0)),
    ("P25", (MP1,), of(MP1, cpu=CPU1), of(MP1, cpu=CPU0)),
    ("P27", (CPU0, UP0), CURRENT | of(UP0, state=VcpuState.STARTING), CURRENT | RUNNING),
    ("P28", (UP0,), WAITING | of(UP0, rt_model=RuntimeModel.NONE), WAITING),
    ("P29", (UP0,), WAITING, WAITING | of(UP0, call_chain_next=MP0)),
    ("P30", (UP0,), WAITING, WAITING | of(UP0, dir_req_origin=0x8001)),
    ("P31a", (UP0,), {}, of(UP0, rt_model=RuntimeModel.FFA_DIR_REQ)),
    ("P31b", (UP0,), {}, of(UP0, dir_req_origin=0x8001)),
    ("P32a", (MP0, UP0), of(MP0, call_chain_prev=UP0), of(MP0, call_chain_next=UP0)),
    ("P32b", (MP0, UP0), of(MP0, call_chain_next=UP0), of(MP0, call_chain_prev=UP0)),
    ("P33", (UP0, MP0), of(UP0, preempted_vcpu=MP0) | MP_PREEMPTED, of(UP0, preempted_vcpu=MP0)),
    ("P38", (MP1,), of(MP1, state=VcpuState.OFF), of(MP1, state=VcpuState.WAITING)),
    ("P39", (MP0,), of(MP1, state=VcpuState.OFF), of(MP0, state=VcpuState.OFF)),
    ("P40a", (MP0,), {}, of(CPU0, last_sp_initialized=True)),
    ("P45b", (UP,), {}, of(UP, lock=CPU1)),
    ("X01", (CPU0, UP0), UNSAVED | of(CPU0, saving=UP0), of(CPU0, saving=UP0)),
    ("X02", (CPU1, CPU0, UP0), of(CPU1, saving=UP0), of(CPU1, saving=UP0) | CURRENT),
    ("X03", (MP0,), MP_PREEMPTED | of(UP0, preempted_vcpu=MP0), MP_PREEMPTED),
    ("X09", (CPU0, NWD0), MASKED | CURRENT, MASKED | of(CPU0, current=NWD0)),
    ("X13", (UP0,), ABORTED_VCPU | UP_ABORTING, ABORTED_VCPU),
]
"""Property, objects, a state in which it holds, a state in which it does not."""

STEPS: list[tuple[str, tuple[Key, ...], Taken, Taken]] = [
    ("P02", (UP0,), (by(RUN), UP_ABORTING, ABORTED_VCPU), (by(RUN), UP_ABORTING, RUNNING)),
    ("P05", (UP0,), (by(RUN), ABORTED_VCPU, OFF), (by(RUN), ABORTED_VCPU, RUNNING)),
    ("P06", (UP,), (by("load_vms"), UP_RUNNING, {}), (by("load_vms"), UP_ABORTING, of(UP, state=VmState.NULL))),
    ("P07", (UP0,), (by(RUN), UP_RUNNING, RUNNING), (by(RUN), UP_ABORTING, RUNNING)),
    (
        "P08",
        (UP0,),
        (by(SEND, REQUEST, delivered=DELIVERED), UP_RUNNING | WAITING, RUNNING),
        (by(SEND, REQUEST, delivered=DELIVERED), UP_RUNNING | WAITING | UNSAVED, RUNNING),
    ),
    (
        "P08.r1",
        (UP0,),
        (by(SEND, POWER_OFF, delivered=DELIVERED), ABORTED_VCPU, RUNNING),
        (by(SEND, REQUEST, delivered=DELIVERED), ABORTED_VCPU, RUNNING),
    ),
    ("P09", (UP0,), (by(INTERRUPT, 41), UP_RUNNING, RUNNING), (by(INTERRUPT, 41), UP_ABORTING, RUNNING)),
    (
        "P10",
        (UP0,),
        (by("api_ffa_abort", actor=UP0), RUNNING, ABORTED_VCPU),
        (by("ffa_cpu_cycles_error_32", actor=UP0), RUNNING, WAITING),
    ),
    ("P11", (UP,), (by(RUN), {}, UP_RUNNING), (by(RUN, cpu=1), {}, UP_RUNNING)),
    ("P12", (UP,), (by(RUN), UP_RUNNING, UP_ABORTING), (by(RUN), {}, UP_RUNNING)),
    (
        "P13",
        (UP,),
        (by(RUN, refused=("vm 0x8001 to RUNNING",)), {}, {}),
        (by(RUN, refused=("vm 0x8002 to RUNNING",), outcome=Outcome.PANIC), {}, {}),
    ),
    (
        "P23",
        (UP0,),
        (by(RUN), of(UP0, cpu=CPU0), of(UP0, cpu=CPU1)),
        (by(RUN), of(UP0, cpu=CPU0) | UNSAVED, of(UP0, cpu=CPU1)),
    ),
    (
        "P34",
        (CPU0,),
        (by(RUN, reply=BUSY), of(CPU0, current=NWD0), {}),
        (by(RUN, reply=BUSY), of(CPU0, current=NWD0), CURRENT),
    ),
    (
        "P34.r1",
        (UP0,),
        (by(RUN, reply=BUSY), UP_ABORTING | WAITING, ABORTED_VCPU),
        (by(RUN, reply=BUSY), UP_ABORTING | WAITING, ABORTED_VCPU | of(UP0, preempted_vcpu=MP0)),
    ),
    ("P35", (), (by(RUN), {}, {}), (by(RUN, outcome=Outcome.CRASH), {}, {})),
    (
        "P36",
        (),
        (by("api_yield", actor=UP0, outcome=Outcome.PANIC), of(UP0, call_chain_next=MP0), {}),
        (by("api_yield", actor=UP0, outcome=Outcome.PANIC), of(UP0, call_chain_prev=MP0), {}),
    ),
    (
        "P43",
        (UP0,),
        (by(SEND, REQUEST), UP_RUNNING | WAITING, RUNNING),
        (by(SEND, REQUEST, reply=BUSY), UP_RUNNING | WAITING, {}),
    ),
    ("P44", (), (by(RUN), {}, {}), (by(RUN, events=("lock order: vm 0x8002 taken while ...",)), {}, {})),
    ("P45a", (), (by(RUN), {}, {}), (by(RUN, events=("double release: vcpu 0x8002.0",)), {}, {})),
    ("P45c", (), (by(RUN), {}, {}), (by(RUN, outcome=Outcome.DEADLOCK), {}, {})),
    (
        "P47",
        (UP0,),
        (by(RUN, 0x8002, 0, reply=BUSY), ABORTED_VCPU, {}),
        (by(RUN, 0x8002, 0, reply=ABORTED), ABORTED_VCPU, {}),
    ),
    ("P48.vcpu.WAITING-ABORTED", (UP0,), (by(RUN), WAITING, ABORTED_VCPU), (by(RUN), WAITING, {})),
    (
        "X16",
        (UP0, MP0),
        (by("api_ffa_abort", actor=UP0, delivered=((MP0, ABORTED),)), of(UP0, call_chain_prev=MP0), {}),
        (by("api_ffa_abort", actor=UP0, delivered=((NWD0, ABORTED),)), of(UP0, call_chain_prev=MP0), {}),
    ),
]
"""Property, objects, a step for which it holds, a step for which it does not."""


@pytest.mark.parametrize(("name", "objects", "good", "bad"), STATES, ids=[row[0] for row in STATES])
def test_state_property_tells_good_from_bad(name: str, objects: tuple[Key, ...], good: Change, bad: Change) -> None:
    item = CATALOGUE[name]
    assert item.kind is Kind.ALWAYS
    assert objects in list(item.over(LAYOUT.topology))
    verdicts = []
    for change in (good, bad):
        m = machine(change)
        verdicts.append(bool(item.holds(m, *(m.handles[key] for key in objects))))
    assert verdicts == [True, False]


@pytest.mark.parametrize(("name", "objects", "good", "bad"), STEPS, ids=[row[0] for row in STEPS])
def test_step_property_tells_good_from_bad(name: str, objects: tuple[Key, ...], good: Taken, bad: Taken) -> None:
    item = CATALOGUE[name]
    assert item.kind in (Kind.STEP, Kind.SOMETIMES)
    assert objects in list(item.over(LAYOUT.topology))
    verdicts = []
    for label, before, changes in (good, bad):
        old, new = machine(before), machine(before | changes)
        handles = [m.handles[key] for key in objects for m in (old, new)]
        verdicts.append(bool(item.holds(label, old, new, *handles)))
    assert verdicts == [True, False]


def random_states(relation: Relation, count: int) -> list[bytes]:
    """States made of any values that the relation's variables can have."""
    choose = random.Random(1)
    values = [[n for n in range(mask.bit_length()) if mask >> n & 1] for mask in relation.known]
    return [bytes(choose.choice(possible) for possible in values) for _ in range(count)]


def random_walk(relation: Relation, length: int) -> list[tuple[bytes, Any, Leaf]]:
    """Steps of random executions, failing ones included."""
    choose = random.Random(1)
    successors = Successors(relation)
    state = successors.initial()
    steps: list[tuple[bytes, Any, Leaf]] = []
    while len(steps) < length:
        choice, leaf = choose.choice(list(successors.steps(state)))
        steps.append((bytes(state), choice, leaf))
        ends = leaf.outcome not in (Outcome.RETURN, Outcome.SUSPENDED)
        state = successors.initial() if ends else successors.after(state, leaf)
    return steps


def concrete(layout: Layout, state: bytes) -> Concrete:
    m = Concrete(layout)
    m.begin(list(state), 0)
    return m


@pytest.mark.parametrize("topology", [name for name, topology in BUILT_IN.items() if topology.cpus <= 2])
def test_both_readings_of_a_state_agree(topology: str) -> None:
    layout = Layout(BUILT_IN[topology])
    relation = Relation(layout, Granularity.HANDLER, full_masks(layout))
    compiler = PredicateCompiler(relation)
    machines = [(state, concrete(layout, state)) for state in random_states(relation, 40)]
    for item in CATALOGUE.values():
        if item.kind not in (Kind.ALWAYS, Kind.RECOVERABLE) or not item.applies_to(layout.topology):
            continue
        for instance in instances(item, relation):
            for predicate in (item.holds, item.antecedent):
                diagram = compiler.on_states(predicate, instance.objects)
                for state, m in machines:
                    handles = [m.handles[key] for key in instance.objects]
                    assert (leaf_for(diagram, state) is TRUE) == bool(predicate(m, *handles)), (
                        item.id,
                        instance.objects,
                    )


@pytest.mark.parametrize("topology", ["1x2", "2x1-mp", "2x1-up", "2x2", "hypervisor-2x1"])
def test_both_readings_of_a_step_agree(topology: str) -> None:
    relation = build_relation(BUILT_IN[topology], DEFAULT)
    compiler, successors = PredicateCompiler(relation), Successors(relation)
    items = [item for item in CATALOGUE.values() if item.kind in (Kind.STEP, Kind.SOMETIMES)]
    chosen = [
        instance
        for item in items
        if item.applies_to(relation.layout.topology)
        for instance in instances(item, relation)
    ]
    for state, choice, leaf in random_walk(relation, 150):
        label = step_label(choice.action, leaf, first=True)
        old, new = concrete(relation.layout, state), concrete(relation.layout, bytes(successors.after(state, leaf)))
        for instance in chosen:
            handles = [m.handles[key] for key in instance.objects for m in (old, new)]
            for predicate in (instance.property.holds, instance.property.antecedent):
                diagram = compiler.on_step(predicate, instance.objects, label, leaf)
                expected = bool(predicate(label, old, new, *handles))
                assert (leaf_for(diagram, state) is TRUE) == expected, (
                    instance.property.id,
                    str(choice),
                    instance.objects,
                )


def test_every_wanted_property_is_there() -> None:
    numbers = {int(match[1]) for name in CATALOGUE if (match := re.match(r"P(\d+)", name))}
    assert numbers == set(range(1, 49))
    assert len([name for name in CATALOGUE if name.startswith("X") and "." not in name]) >= 6


@pytest.mark.parametrize("item", CATALOGUE.values(), ids=lambda item: item.id)
def test_property_is_well_formed(item: Any) -> None:
    assert CATALOGUE[item.id] is item
    assert item.title
    assert not item.title.endswith(".")
    assert item.text.endswith((".", ")"))
    assert set(item.assuming) <= {field.name for field in fields(Assumptions)}
    assert item.refines is None or item.refines in CATALOGUE
    assert "." not in item.id or item.id.startswith("P48") or item.refines == item.id.split(".")[0]
    assert any(item.applies_to(topology) for topology in BUILT_IN.values())
    assert item.sources
    for source in item.sources:
        assert is_found(source), source


def is_found(source: str) -> bool:
    """Whether a source names a function that the model knows, another definition, or a rule as cited somewhere."""
    if " as cited by " in source:
        return True
    file, name = source.split(":")
    operation = operations().get(name)
    return (operation is not None and operation.file == file) or source in (
        "inc/hf/check.h:CHECK",
        "inc/hf/vm.h:vm_state",
        "src/panic.c:panic",
    )
