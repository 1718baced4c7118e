"""Comparing the concrete reading with recorded behaviour of the C code, vector by vector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import msgspec

from model.machine import NULL, Halt, Outcome
from model.operations.api import api_ffa_abort, api_ffa_msg_wait, api_yield
from model.operations.cpu_cycles import ffa_cpu_cycles_error_32, ffa_cpu_cycles_msg_wait_prepare
from model.operations.direct_messaging import api_ffa_msg_send_direct_req, api_ffa_msg_send_direct_resp
from model.operations.ffa_run import api_ffa_run
from model.operations.interrupts import (
    ffa_interrupts_handle_secure_interrupt,
    ffa_interrupts_unwind_nwd_call_chain,
)
from model.operations.partition_abort import ffa_partition_abort
from model.operations.psci import hypervisor_cpu_resume, plat_psci_cpu_resume
from model.operations.switch import (
    api_preempt,
    api_regs_state_saved,
    api_vcpu_off,
    api_wait_for_interrupt,
    api_wake_up,
)
from model.operations.vcpu import (
    vcpu_is_off,
    vcpu_prepare,
    vcpu_secondary_reset_and_start,
    vcpu_state_set,
)
from model.operations.virtual_interrupts import (
    HF_INVALID_INTID,
    vcpu_virt_interrupt_get_pending_and_enabled,
)
from model.operations.vm import vm_set_state
from model.readings import Concrete
from model.values import (
    HF_INVALID_VM_ID,
    DirectMessage,
    FfaError,
    FfaValue,
    Framework,
    Func,
    PriorityMask,
    PsciStatus,
    VcpuState,
    VmState,
)
from model.variables import Key, Layout, Value, Variable, cpu_key, vcpu_key, vm_key
from proofs.vectors.format import RecordedState, Vector, interrupt_ids, topology_of

VCPU_FIELDS = (
    "state",
    "rt_model",
    "scheduling_mode",
    "regs_available",
    "cpu",
    "dir_req_origin",
    "dir_req2",
    "dir_req_framework",
    "pwr_mgmt_op",
    "preempted_vcpu",
    "call_chain_prev",
    "call_chain_next",
)
CPU_FIELDS = ("last_sp_initialized", "is_on")
"""The fields a vector decides; interrupt bookkeeping is abstracted (docs/model.md)."""

SAME_CHECK = {
    "gen/partition_abort.c:21": "src/arch/aarch64/hypervisor/handler.c:1131",
    "gen/partition_abort.c:28": "src/arch/aarch64/hypervisor/handler.c:1138",
}
"""Checks that the recording named by another file."""


RECORDED_NAMES = {"FFA_MSG_SEND_DIRECT_REQ2_64 ": Func.DIRECT_RESP2.value}
"""Functions that the C code itself prints under another name."""


class Unsupported(Exception):
    """The model has no operation for a vector."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where the model and the C code disagree."""

    what: str
    expected: str
    actual: str


@dataclass(slots=True)
class Execution:
    """What the concrete reading did: outcome, reply, next vCPU, delivered values, state afterwards."""

    outcome: Outcome
    where: str = ""
    ret: Any = None
    next: str | None = None
    delivered: dict[str, FfaValue] = field(default_factory=dict)
    state: list[int] = field(default_factory=list)


class VectorRunner:
    """Runs vectors on the concrete reading; machines are kept for each distinct topology."""

    def __init__(self) -> None:
        self._machines: dict[tuple[bytes, tuple[int, ...]], Concrete] = {}

    def machine(self, vector: Vector) -> Concrete:
        """The concrete machine for a vector's topology."""
        ids = interrupt_ids(vector)
        senders = tuple(int(str(vector.op.args[key]), 16) for key in ("sender",) if key in vector.op.args)
        origins = {
            int(fields.dir_req_origin, 16)
            for fields in vector.pre.vcpu.values()
            if isinstance(fields.dir_req_origin, str)
        }
        key = (
            msgspec.json.encode((vector.variant, vector.topology)),
            (*ids, -1, *sorted({*senders, *origins})),
        )
        if key not in self._machines:
            layout = Layout(topology_of(vector), ids, tuple(sorted({*senders, *origins})))
            self._machines[key] = Concrete(layout)
        return self._machines[key]

    def compare(self, vector: Vector) -> list[Difference]:
        """Every difference between what the C did and what the model does; empty when they agree.

        Raises Unsupported when the model has no such operation, KeyError or ValueError for unknown names.
        """
        machine = self.machine(vector)
        state = state_of(machine.layout, vector.pre)
        differences: list[Difference] = []
        for timer_expired in (False, True):
            actual = execute(machine, vector, list(state), timer_expired)
            differences = [
                *_compare_result(vector, actual),
                *_compare_state(machine, vector, state, actual.state),
            ]
            if not differences or vector.op.name != "api_ffa_run":
                break
        return differences


def state_of(layout: Layout, recorded: RecordedState) -> list[int]:
    """The state of a vector's `pre`.  Raises KeyError for a name that the topology does not have."""
    state = layout.initial()
    for owner, fields in _objects(recorded):
        for name in fields.__struct_fields__:
            value = getattr(fields, name)
            if value is not msgspec.UNSET and (variable := _variable(layout, owner, name)) is not None:
                state[variable.index] = layout.positions[variable.index][_value(layout, variable, value)]
    return state


def _objects(recorded: RecordedState) -> list[tuple[Key, Any]]:
    return [
        *((vm_key(int(name, 16)), fields) for name, fields in recorded.vm.items()),
        *((vcpu_of(name), fields) for name, fields in recorded.vcpu.items()),
        *((cpu_key(int(name)), fields) for name, fields in recorded.cpu.items()),
    ]


def vcpu_of(name: str) -> Key:
    """The key of a vCPU named as in `0x8001.0`."""
    vm_id, index = name.split(".")
    return vcpu_key(int(vm_id, 16), int(index))


_IGNORED = {"aborting", "vint_enabled_pending", "sri_delayed", "prev_priority"}


def _variable(layout: Layout, owner: Key, name: str) -> Variable | None:
    """The model's variable for a recorded field, or None for bookkeeping the model does not carry."""
    if name in _IGNORED:
        return None
    return layout.by_name[owner, "priority_mask" if name == "pmr" else name]


def _value(layout: Layout, variable: Variable, recorded: Any) -> Value:
    """The model's value for a recorded one."""
    name = variable.field
    if name in ("preempted_vcpu", "call_chain_prev", "call_chain_next", "current"):
        return None if recorded is None else vcpu_of(recorded)
    if name == "cpu":
        return None if recorded is None else cpu_key(recorded)
    if name == "dir_req_origin":
        return HF_INVALID_VM_ID if recorded is None else int(recorded, 16)
    if name == "priority_mask":
        return PriorityMask(recorded)
    if name in ("vint_pending", "vint_enabled"):
        return tuple(recorded)
    first = variable.domain[0]
    return type(first)[recorded] if isinstance(first, Enum) else recorded


def execute(machine: Concrete, vector: Vector, state: list[int], timer_expired: bool = False) -> Execution:
    """Run a vector's operation from a state, which is changed in place.

    `timer_expired` is an input that vectors do not record: whether FFA_RUN's target waits on an expired timer.
    """
    machine.begin(state, vector.op.cpu)
    try:
        ret, next_vcpu = _call(machine, vector, timer_expired)
    except Halt as halt:
        return Execution(halt.outcome, halt.where, state=state)
    return Execution(
        Outcome.RETURN,
        ret=ret,
        next=None if next_vcpu is None or next_vcpu == NULL else str(next_vcpu.key),
        delivered={str(key): value for key, value in machine.labels.delivered},
        state=state,
    )


def _call(m: Concrete, vector: Vector, timer_expired: bool) -> tuple[Any, Any]:
    """Call the model's function for a vector's C function."""
    op = vector.op
    args = op.args
    current = None if op.current is None else m.handles[vcpu_of(op.current)]
    vcpu = m.handles[vcpu_of(args["vcpu"])] if isinstance(args.get("vcpu"), str) else None
    if op.name in _CURRENT_ONLY:
        return _CURRENT_ONLY[op.name](m, current)
    match op.name:
        case "api_ffa_run":
            return api_ffa_run(m, current, int(args["vm"], 16), args["vcpu"], timer_expired)
        case "api_ffa_msg_send_direct_req":
            return api_ffa_msg_send_direct_req(m, current, _message(args))
        case "api_ffa_msg_send_direct_resp":
            return api_ffa_msg_send_direct_resp(m, current, _message(args))
        case "ffa_cpu_cycles_error_32":
            return ffa_cpu_cycles_error_32(m, current, FfaError[args["error"]])
        case "api_ffa_abort":
            return api_ffa_abort(m, current, args.get("mbz_args_ok", True))
        case "ffa_interrupts_handle_secure_interrupt":
            return ffa_interrupts_handle_secure_interrupt(m, current, args["intid"])
        case "ffa_cpu_cycles_msg_wait_prepare":
            m.lock(current)
            return ffa_cpu_cycles_msg_wait_prepare(m, current)
        case "plat_psci_cpu_resume":
            return (plat_psci_cpu_resume if m.is_spmc else hypervisor_cpu_resume)(m, m.cpus[op.cpu])
        case "api_regs_state_saved":
            return api_regs_state_saved(m, vcpu or current)
        case "api_interrupt_get":
            return (
                vcpu_virt_interrupt_get_pending_and_enabled(m, current) != HF_INVALID_INTID,
                None,
            )
        case "vm_set_state":
            return vm_set_state(m, m.handles[vm_key(int(args["vm"], 16))], VmState[args["to"]]), None
        case "vcpu_state_set":
            return vcpu_state_set(m, vcpu, VcpuState[args["to"]]), None
        case "vcpu_is_off":
            return vcpu_is_off(m, vcpu), None
        case "vcpu_prepare":
            return vcpu_prepare(m, vcpu), None
        case "vcpu_secondary_reset_and_start":
            return vcpu_secondary_reset_and_start(m, vcpu), None
    raise Unsupported(op.name)


_CURRENT_ONLY: dict[str, Callable[[Concrete, Any], Any]] = {
    "api_ffa_msg_wait": api_ffa_msg_wait,
    "api_yield": api_yield,
    "api_preempt": api_preempt,
    "api_wait_for_interrupt": api_wait_for_interrupt,
    "api_vcpu_off": api_vcpu_off,
    "api_wake_up": api_wake_up,
    "ffa_partition_abort": ffa_partition_abort,
    "ffa_interrupts_unwind_nwd_call_chain": ffa_interrupts_unwind_nwd_call_chain,
}

_FUNCTIONS = {
    "DIRECT_REQ_32": Func.DIRECT_REQ,
    "DIRECT_REQ2_64": Func.DIRECT_REQ2,
    "DIRECT_RESP_32": Func.DIRECT_RESP,
    "DIRECT_RESP2_64": Func.DIRECT_RESP2,
}


def _message(args: dict[str, Any]) -> DirectMessage:
    framework = args.get("framework")
    return DirectMessage(
        func=_FUNCTIONS[args["func"]],
        sender=int(args["sender"], 16),
        receiver=int(args["receiver"], 16),
        framework=None if framework is None else Framework[framework],
        status=PsciStatus.SUCCESS if args.get("status", 0) == 0 else PsciStatus.DENIED,
    )


def _compare_result(vector: Vector, actual: Execution) -> list[Difference]:
    """Outcome and failing check; or reply, next vCPU and delivered values."""
    found = [("outcome", vector.outcome, actual.outcome.value)]
    if vector.outcome not in ("return", "crash"):
        found.append(("failing check", failing_check(vector.message), actual.where))
    elif actual.outcome is Outcome.RETURN:
        found.append(("ret", _reply_text(vector.ret), _reply_text(actual.ret)))
        found.append(("next", str(vector.next), str(actual.next)))
        expected = {name: _reply_text(reply) for name, reply in vector.delivered.items()}
        given = {name: _reply_text(reply) for name, reply in actual.delivered.items()}
        found.extend(
            (f"delivered to {name}", expected.get(name, "nothing"), given.get(name, "nothing"))
            for name in sorted({*expected, *given})
        )
    return [Difference(*entry) for entry in found if entry[1] != entry[2]]


def failing_check(message: str) -> str:
    """The key of a recorded failure: file:line of the check, the lock, or the panic's own message."""
    if " at " in message and message.startswith("check failed"):
        key = message.rsplit(" at ", 1)[1]
        return SAME_CHECK.get(key, key)
    if message.startswith("ASSERT: "):
        return ":".join(message.removeprefix("ASSERT: ").split(":")[:2])
    if message.startswith("%s: unexpected runtime model"):
        return "unexpected runtime model"
    return message.removeprefix("lock already held: ").removeprefix("vcpu ").strip()


def _reply_text(reply: Any) -> str:
    if isinstance(reply, FfaValue):
        return f"{reply.func.value}({reply.code.value})" if reply.code else reply.func.value
    if reply is None or isinstance(reply, bool):
        return str(reply)
    func = RECORDED_NAMES.get(reply.func, reply.func)
    return f"{func}({reply.code})" if reply.code else str(func)


def _compare_state(machine: Concrete, vector: Vector, before: list[int], after: list[int]) -> list[Difference]:
    """Every in-scope field whose value afterwards is not the recorded one."""
    layout = machine.layout
    expected = list(before)
    for owner, fields in _objects(vector.post):
        for name in fields.__struct_fields__:
            value = getattr(fields, name)
            if value is not msgspec.UNSET and (variable := _variable(layout, owner, name)) is not None:
                expected[variable.index] = layout.positions[variable.index][_value(layout, variable, value)]
    if expected == after:
        return []
    return [
        Difference(str(v), _text(v, expected[v.index]), _text(v, after[v.index]))
        for v in layout.variables
        if expected[v.index] != after[v.index] and _in_scope(v)
    ]


def _in_scope(variable: Variable) -> bool:
    kind = variable.owner.kind
    if kind == "vm":
        return variable.field == "state"
    return variable.field in (VCPU_FIELDS if kind == "vcpu" else CPU_FIELDS)


def _text(variable: Variable, position: int) -> str:
    value = variable.domain[position]
    if value == HF_INVALID_VM_ID:
        return "none"
    return value.name if isinstance(value, Enum) else str(value)
