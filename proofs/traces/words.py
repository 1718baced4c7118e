"""Actions and steps in the words of a Hafnium maintainer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from model.environment import Action, Argument
from model.machine import Outcome
from model.values import DirectMessage, FfaError, Framework, Func, PsciStatus, RuntimeModel
from model.variables import Key, cpu_key
from proofs.traces.values import partition_name, party

if TYPE_CHECKING:
    from proofs.traces.trace import TraceStep

_CALLS = {
    "api_regs_state_saved": "context switch saves its registers",
    "api_ffa_msg_wait": "FFA_MSG_WAIT",
    "api_yield": "FFA_YIELD",
    "api_ffa_abort": "FFA_ABORT",
    "api_interrupt_get": "HF_INTERRUPT_GET",
    "api_wait_for_interrupt": "WFI",
    "api_vcpu_off": "PSCI CPU_OFF",
    "api_preempt": "preempted by an interrupt of the primary VM",
    "fiq_lower": "non-secure interrupt arrives",
    "psci_primary_cpu_off": "PSCI CPU_OFF",
}


def actor_text(action: Action, is_spmc: bool) -> str:
    """Who acts, and where: `CPU1 SP 0x8001 vCPU 1`."""
    cpu = f"CPU{action.cpu}"
    return cpu if action.actor is None else f"{cpu} {party(action.actor, is_spmc)}"


def call_text(action: Action, is_spmc: bool) -> str:
    """What is called or happens: `FFA_RUN(0x8002, vCPU 0)`."""
    arguments: tuple[Argument, ...] = action.arguments
    match action.operation, arguments:
        case "load_vms", (Key() as failing,):
            return f"boot loads the partitions, {party(failing, is_spmc)} fails"
        case "load_vms", _:
            return "boot loads the partitions"
        case "plat_psci_cpu_resume", _:
            return "start of the CPU"
        case "api_ffa_run", (int(target), int(index), *rest):
            return f"FFA_RUN({target:#x}, vCPU {index}{', its interrupt injected' if rest else ''})"
        case _, (DirectMessage() as message,):
            return _message_text(message, is_spmc)
        case "ffa_cpu_cycles_error_32", (FfaError() as code,):
            return f"FFA_ERROR({code.value})"
        case "ffa_interrupts_handle_secure_interrupt", (int(intid),):
            return f"secure interrupt {intid} arrives"
        case "api_ffa_abort", (int(),):
            return "FFA_ABORT(a reserved register not zero)"
        case "psci_secondary_cpu_on", (int(index),):
            return f"PSCI CPU_ON(vCPU {index})"
        case "psci_primary_cpu_on", (int(cpu),):
            return f"PSCI CPU_ON(CPU{cpu})"
    return _CALLS.get(action.operation, action.operation)


def operation_text(action: Action) -> str:
    """The operation alone: `FFA_RUN`, `secure interrupt`."""
    match action.operation:
        case "ffa_interrupts_handle_secure_interrupt":
            return "secure interrupt"
        case "fiq_lower":
            return "non-secure interrupt"
    return call_text(action, is_spmc=True).partition("(")[0]


def _message_text(message: DirectMessage, is_spmc: bool) -> str:
    ends = f"{partition_name(message.sender, is_spmc)} to {partition_name(message.receiver, is_spmc)}"
    match message.framework:
        case Framework.PSCI_CPU_OFF:
            ends += ", framework message PSCI CPU_OFF"
        case Framework.PSCI_RESP:
            ends += f", PSCI response {message.status.value}"
        case None if message.status is PsciStatus.DENIED:
            ends += ", DENIED"
    return f"{message.func.value}({ends})"


def start_text(step: TraceStep, is_spmc: bool) -> str:
    """What a step starts or goes on with, without its end."""
    goes_on = f" goes on after window {step.window}" if step.window else ""
    if step.action.operation == "plat_psci_cpu_resume" and not goes_on:
        return "PSCI CPU_ON" if any(change.field == "is_on" for change in step.changes) else "cold boot"
    ready = any(change == ("state", "STARTING", "WAITING") for change in _values(step, step.action.actor))
    return call_text(step.action, is_spmc) + goes_on + (", initialisation done" if ready else "")


def end_text(step: TraceStep, is_spmc: bool) -> str:
    """How a step ends: the reply, who runs next, the window or the failed check; may be empty."""
    match step.outcome:
        case Outcome.SUSPENDED:
            place = f" after {str(step.lines[-1]).rpartition('/')[2]}" if step.lines else ""
            return f"window {step.where}{place}: other CPUs may run"
        case Outcome.RETURN:
            if step.next is not None:
                called = operation_text(step.action)
                told = [str(value) for key, value in step.delivered if key == step.next and str(value) != called]
                return " and gets ".join([f"{party(step.next, is_spmc)} runs", *told])
            if any(change == ("is_on", "true", "false") for change in _values(step, cpu_key(step.action.cpu))):
                return f"CPU{step.action.cpu} goes off"
            return f"returns {step.reply}" if step.reply else ""
        case outcome:
            return f"{outcome.value.upper()}{_place(step.where)}"


def _place(where: str) -> str:
    """A failed check's line, the lock that is taken twice, or a message."""
    if ".c:" in where or ".h:" in where:
        return f" at {where}"
    return f": {where}" if " " in where else f" on the lock of {where}"


def _values(step: TraceStep, key: Key | None) -> list[tuple[str, str, str]]:
    """What a step changed of an object: field, old and new value."""
    return [(change.field, change.old, change.new) for change in step.changes if change.object == key]


def notes(step: TraceStep, is_spmc: bool, with_locks: bool = True) -> list[str]:
    """What else a step shows: values for vCPUs that do not run yet, interception, lock misuse, refused transitions."""
    told = [f"{party(key, is_spmc)} will get {value}" for key, value in step.delivered if key != step.next]
    if step.next is None and step.reply is not None and step.reply.func is Func.INTERRUPT:
        told += ["intercepted: the caller has to handle its pending interrupt first"] * _is_intercepted(step)
    refused = [f"refused: {text}" for text in step.refused]
    return [*told, *(step.events if with_locks else ()), *refused]


def _is_intercepted(step: TraceStep) -> bool:
    changes = _values(step, step.action.actor)
    return any(field == "rt_model" and new == RuntimeModel.SEC_INTERRUPT.name for field, _, new in changes)


def step_text(step: TraceStep, is_spmc: bool) -> str:
    """One step in one line."""
    end = end_text(step, is_spmc)
    start = f"{actor_text(step.action, is_spmc)}: {start_text(step, is_spmc)}"
    return f"{start} -> {end}" if end else start
