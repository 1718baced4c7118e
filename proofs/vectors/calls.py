"""The recorded C functions: their arguments, checked, and the model's operation for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import Meta

from model.machine import Vcpu
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
from model.operations.vcpu import vcpu_is_off, vcpu_prepare, vcpu_secondary_reset_and_start, vcpu_state_set
from model.operations.virtual_interrupts import HF_INVALID_INTID, api_interrupt_get
from model.operations.vm import vm_set_state
from model.readings import Concrete
from model.values import DirectMessage, FfaError, Framework, Func, PsciStatus, VcpuState, VmState
from proofs.vectors.bench import Bench, Unsupported
from proofs.vectors.format import InterruptId, RecordedOp, Struct, VectorError
from proofs.vectors.topologies import vm_id

LARGEST_VCPU_INDEX = 0xFFFF


class NoArguments(Struct):
    """An operation without arguments."""


class RunArguments(Struct):
    """api_ffa_run."""

    vm: str
    vcpu: Annotated[int, Meta(ge=0, le=LARGEST_VCPU_INDEX)]


class DirectMessageArguments(Struct):
    """api_ffa_msg_send_direct_req and _resp; `framework` and `status` are those of PSCI messages."""

    func: Literal["DIRECT_REQ_32", "DIRECT_REQ2_64", "DIRECT_RESP_32", "DIRECT_RESP2_64"]
    sender: str
    receiver: str
    framework: Framework | None = None
    status: Literal[0, -3] = 0


class ErrorArguments(Struct):
    """ffa_cpu_cycles_error_32."""

    error: FfaError


class AbortArguments(Struct):
    """api_ffa_abort: whether the registers that must be zero are."""

    mbz_args_ok: bool = True


class InterruptArguments(Struct):
    """ffa_interrupts_handle_secure_interrupt."""

    intid: InterruptId


class SavedArguments(Struct):
    """api_regs_state_saved: the vCPU switched from, if not the current one."""

    vcpu: str | None = None


class WakeUpArguments(Struct):
    """api_wake_up: whom the primary VM is to run."""

    target: str


class VmStateArguments(Struct):
    """vm_set_state."""

    vm: str
    to: VmState


class VcpuStateArguments(Struct):
    """vcpu_state_set."""

    vcpu: str
    to: VcpuState


class VcpuArguments(Struct):
    """The other functions of one vCPU."""

    vcpu: str


CURRENT_ONLY: Final[dict[str, Callable[[Concrete, Any], Any]]] = {
    "api_ffa_msg_wait": api_ffa_msg_wait,
    "api_yield": api_yield,
    "api_preempt": api_preempt,
    "api_wait_for_interrupt": api_wait_for_interrupt,
    "api_vcpu_off": api_vcpu_off,
    "ffa_partition_abort": ffa_partition_abort,
    "ffa_interrupts_unwind_nwd_call_chain": ffa_interrupts_unwind_nwd_call_chain,
}

ONE_VCPU: Final[dict[str, Callable[[Concrete, Vcpu], Any]]] = {
    "vcpu_is_off": vcpu_is_off,
    "vcpu_prepare": vcpu_prepare,
    "vcpu_secondary_reset_and_start": vcpu_secondary_reset_and_start,
}

SPMC_ONLY: Final = {"ffa_interrupts_handle_secure_interrupt", "ffa_interrupts_unwind_nwd_call_chain"}
"""Functions of which the hypervisor build has none, or an empty one."""

FUNCTIONS: Final = {
    "DIRECT_REQ_32": Func.DIRECT_REQ,
    "DIRECT_REQ2_64": Func.DIRECT_REQ2,
    "DIRECT_RESP_32": Func.DIRECT_RESP,
    "DIRECT_RESP2_64": Func.DIRECT_RESP2,
}

Arguments = TypeVar("Arguments", bound=Struct)


def call(bench: Bench, op: RecordedOp, timer_expired: bool) -> tuple[Any, Any]:
    """Call the model's function for a recorded one: its reply and the next vCPU, as that function gives them.

    Raises VectorError for an unknown function and malformed arguments, Unsupported for a function that the
    build does not have, Halt when the operation does not return.
    """
    m = bench.machine
    if op.name in SPMC_ONLY and not m.is_spmc:
        raise Unsupported(f"{op.name} in the hypervisor build")
    if op.name in CURRENT_ONLY:
        _arguments(op, NoArguments)
        reply: tuple[Any, Any] = CURRENT_ONLY[op.name](m, _current(bench, op))
        return reply
    if op.name in ONE_VCPU:
        return ONE_VCPU[op.name](m, bench.vcpu(_arguments(op, VcpuArguments).vcpu)), None
    match op.name:
        case "api_ffa_run":
            run = _arguments(op, RunArguments)
            return api_ffa_run(m, _current(bench, op), vm_id(run.vm), run.vcpu, timer_expired)
        case "api_ffa_msg_send_direct_req":
            return api_ffa_msg_send_direct_req(m, _current(bench, op), _message(op))
        case "api_ffa_msg_send_direct_resp":
            return api_ffa_msg_send_direct_resp(m, _current(bench, op), _message(op))
        case "ffa_cpu_cycles_error_32":
            return ffa_cpu_cycles_error_32(m, _current(bench, op), _arguments(op, ErrorArguments).error)
        case "api_ffa_abort":
            return api_ffa_abort(m, _current(bench, op), _arguments(op, AbortArguments).mbz_args_ok)
        case "ffa_interrupts_handle_secure_interrupt":
            intid = _arguments(op, InterruptArguments).intid
            return ffa_interrupts_handle_secure_interrupt(m, _current(bench, op), intid)
        case "ffa_cpu_cycles_msg_wait_prepare":
            _arguments(op, NoArguments)
            current = _current(bench, op)
            m.lock(current)
            return ffa_cpu_cycles_msg_wait_prepare(m, current)
        case "plat_psci_cpu_resume":
            _arguments(op, NoArguments)
            return (plat_psci_cpu_resume if m.is_spmc else hypervisor_cpu_resume)(m, m.cpu)
        case "api_regs_state_saved":
            saved = _arguments(op, SavedArguments).vcpu
            return api_regs_state_saved(m, _current(bench, op) if saved is None else bench.vcpu(saved))
        case "api_wake_up":
            bench.vcpu(_arguments(op, WakeUpArguments).target)
            return api_wake_up(m, _current(bench, op))
        case "api_interrupt_get":
            _arguments(op, NoArguments)
            return api_interrupt_get(m, _current(bench, op)) != HF_INVALID_INTID, None
        case "vm_set_state":
            vm_state = _arguments(op, VmStateArguments)
            return vm_set_state(m, bench.vm(vm_state.vm), vm_state.to), None
        case "vcpu_state_set":
            vcpu_state = _arguments(op, VcpuStateArguments)
            return vcpu_state_set(m, bench.vcpu(vcpu_state.vcpu), vcpu_state.to), None
    raise VectorError(f"there is no operation '{op.name}'")


def _arguments(op: RecordedOp, structure: type[Arguments]) -> Arguments:
    try:
        return msgspec.convert(op.args, structure)
    except msgspec.ValidationError as error:
        raise VectorError(f"arguments of {op.name}: {error}") from error


def _current(bench: Bench, op: RecordedOp) -> Vcpu:
    if op.current is None:
        raise VectorError(f"{op.name} needs a current vCPU")
    return bench.vcpu(op.current)


def _message(op: RecordedOp) -> DirectMessage:
    args = _arguments(op, DirectMessageArguments)
    return DirectMessage(
        func=FUNCTIONS[args.func],
        sender=vm_id(args.sender),
        receiver=vm_id(args.receiver),
        framework=args.framework,
        status=PsciStatus.SUCCESS if args.status == 0 else PsciStatus.DENIED,
    )
