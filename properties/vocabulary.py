"""The words that statements are made of: acting, executing, an open request, what a step changes."""

from __future__ import annotations

from typing import Any

from model.environment import Action
from model.machine import NULL, Cpu, Handle, Machine, Vcpu, Vm
from model.readings import Lazy
from model.topology import PartitionKind
from model.values import HF_INVALID_VM_ID, DirectMessage, Func, RuntimeModel, VcpuState
from properties.language import StepLabel

ABORT = "api_ffa_abort"
CPU_RESUME = "plat_psci_cpu_resume"
DIRECT_REQUEST = "api_ffa_msg_send_direct_req"
DIRECT_RESPONSE = "api_ffa_msg_send_direct_resp"
FFA_ERROR = "ffa_cpu_cycles_error_32"
FFA_RUN = "api_ffa_run"
MSG_WAIT = "api_ffa_msg_wait"
SECURE_INTERRUPT = "ffa_interrupts_handle_secure_interrupt"
YIELD = "api_yield"
"""Operations, by the name that a step's action gives them."""

WELL_BEHAVED_SPS = ("sp_aborts", "sp_errors", "sp_runs_itself")
"""Excluded: SPs that abort, that fail to initialise, or that call FFA_RUN on themselves."""
NO_RUN_BY_SPS = ("sp_runs",)
"""Excluded: FFA_RUN by an SP, which may move pinned vCPUs, and may switch to a vCPU although it fails."""
ONE_CPU_NORMAL_WORLD = ("cpu_off", "nwd_error", "secondary_cpus")
"""Excluded: a normal world that powers CPUs on or off, or sends FFA_ERROR."""


def acts(vcpu: Vcpu) -> bool:
    """Whether the vCPU counts as having CPU cycles: it is RUNNING or STARTING."""
    return vcpu.state in (VcpuState.RUNNING, VcpuState.STARTING)


def is_executing(m: Machine, vcpu: Vcpu) -> bool:
    """Whether some CPU physically executes the vCPU."""
    return any(bool(cpu.current == vcpu) for cpu in m.cpus)


def request_open(vcpu: Vcpu) -> bool:
    """Whether the vCPU has received a direct request and not answered it."""
    return vcpu.dir_req_origin != HF_INVALID_VM_ID


def has_callee(vcpu: Vcpu) -> bool:
    """Whether the vCPU has a successor in a call chain."""
    return bool(vcpu.call_chain_next != NULL)


def own_cpu(m: Machine, vcpu: Vcpu) -> Cpu:
    """The CPU that a multiprocessor SP's vCPU is pinned to."""
    return m.cpus[vcpu.index]


def mp_sp_vcpus(m: Machine, cpu: Cpu) -> tuple[Vcpu, ...]:
    """The vCPUs of multiprocessor SPs that are pinned to a CPU."""
    return tuple(vm.vcpus[cpu.index] for vm in m.loaded_vms if is_sp(vm) and vm.vcpu_count > 1)


def is_sp(vm: Vm) -> bool:
    """Whether the VM is a secure partition."""
    return vm.partition.kind is PartitionKind.SP


def was_booted(vcpu: Vcpu) -> bool:
    """Whether the vCPU has left initialisation since its CPU was last powered on."""
    return vcpu.state not in (VcpuState.CREATED, VcpuState.OFF) and vcpu.rt_model != RuntimeModel.SP_INIT


def unchanged(old: Handle, new: Handle, *fields: str) -> bool:
    """Whether a step leaves fields of an object as they were; pointers are the same when their target is."""
    return all(_same(old, getattr(old, field), getattr(new, field)) for field in fields)


def _same(old: Handle, was: Any, now: Any) -> bool:
    if isinstance(was, Lazy) and isinstance(now, Lazy) and was.variable == now.variable:
        return True  # not written: no need to ask what the value is
    return bool(was == (old.machine.handles[now.key] if isinstance(now, Handle) else now))


def begins_to_act(old: Vcpu, new: Vcpu) -> bool:
    """Whether a step gives CPU cycles to a vCPU that had none."""
    return not unchanged(old, new, "state") and acts(new) and not acts(old)


def begins_to_execute(old_cpu: Cpu, new_cpu: Cpu, new: Vcpu) -> bool:
    """Whether a step makes a CPU execute the vCPU."""
    return not unchanged(old_cpu, new_cpu, "current") and bool(new_cpu.current == new)


def is_error(label: StepLabel) -> bool:
    """Whether the caller gets FFA_ERROR."""
    return label.reply is not None and label.reply.func is Func.ERROR


def is_received(label: StepLabel, vcpu: Vcpu, *functions: Func) -> bool:
    """Whether the step puts one of these functions in the vCPU's registers."""
    return any(key == vcpu.key and value.func in functions for key, value in label.delivered)


def from_normal_world(label: StepLabel, m: Machine) -> bool:
    """Whether the normal world (or EL3 in its name) made the call."""
    return label.action.actor is not None and label.action.actor.first == m.other_world_id


def is_run_of(action: Action, vcpu: Vcpu) -> bool:
    """Whether the action is FFA_RUN on the vCPU, on the CPU it belongs to if it is pinned."""
    named = action.operation == FFA_RUN and action.arguments[:2] == (vcpu.vm.id, vcpu.index)
    return named and (vcpu.vm.vcpu_count == 1 or vcpu.index == action.cpu)


def is_request_to(action: Action, vcpu: Vcpu) -> bool:
    """Whether the action is a direct request (no framework message) that the vCPU would receive."""
    if action.operation != DIRECT_REQUEST:
        return False
    message = action.arguments[0]
    addressed = isinstance(message, DirectMessage) and not message.is_framework and message.receiver == vcpu.vm.id
    return addressed and (vcpu.vm.vcpu_count == 1 or vcpu.index == action.cpu)
