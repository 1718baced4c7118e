"""What callers are told: errors without side effects, requests that must be accepted, replies for the aborted."""

from __future__ import annotations

from model.environment import Action
from model.machine import NULL, Handle, Machine, Vcpu
from model.values import FfaError, FfaValue, VcpuState, VmState, ffa_error
from properties.language import StepLabel, each_sp_vcpu
from properties.scopes import each_lifecycle_sp_vcpu, every_object, if_the_preempted_stay
from properties.statements import refinement, step
from properties.vocabulary import (
    DIRECT_REQUEST,
    NO_RUN_BY_SPS,
    from_normal_world,
    is_error,
    is_request_to,
    is_run_of,
    request_open,
    unchanged,
)

API_RUN = "src/api.c:api_ffa_run"
PREPARE_RUN = "src/api.c:api_vcpu_prepare_run"
REQUEST = "src/api.c:api_ffa_msg_send_direct_req"
RUN_CHECKS = "src/ffa/spmc/cpu_cycles.c:ffa_cpu_cycles_run_checks"
DENIED = ffa_error(FfaError.DENIED)


def _keeps(old: Handle, new: Handle, *but: str) -> bool:
    """Whether a step leaves an object as it was; whether it holds locks is another matter."""
    return unchanged(old, new, *(field for field in old.slots if field not in ("lock", "section", *but)))


def _only_marked_aborted(old: Handle, new: Handle) -> bool:
    """Whether all that happened to an object is that a vCPU of an ABORTING VM became ABORTED."""
    if not isinstance(new, Vcpu) or not isinstance(old, Vcpu):
        return False
    marked = new.state == VcpuState.ABORTED and old.vm.state == VmState.ABORTING
    return marked and _keeps(old, new, "state")


P34 = step(
    "P34",
    "An error changes nothing",
    "A call that is answered with FFA_ERROR leaves every VM, vCPU and CPU as it was, and the caller goes on. A "
    "caller that retries, or gives up, must be able to rely on that.",
    over=every_object,
    when=lambda label, before, after, old, new: is_error(label),
    then=lambda label, before, after, old, new: _keeps(old, new),
    sources=(API_RUN, PREPARE_RUN, REQUEST, RUN_CHECKS),
)
P34_R1 = step(
    "P34.r1",
    "An error changes nothing but that vCPUs of ABORTING VMs become ABORTED, where SPs do not call FFA_RUN",
    "As P34, allowing for the state that FFA_RUN and direct requests write when they find the VM ABORTING, as long "
    "as no SP calls FFA_RUN: it may switch to the preempted vCPU and still return an error. "
    "(Not where another CPU can take a preempted SP away, as in P23.)",
    over=if_the_preempted_stay(every_object),
    when=P34.antecedent,
    then=lambda label, before, after, old, new: _keeps(old, new) or _only_marked_aborted(old, new),
    sources=P34.sources,
    assuming=NO_RUN_BY_SPS,
    refines="P34",
)

P43 = step(
    "P43",
    "A request to a WAITING vCPU of a RUNNING VM is accepted",
    "A direct request whose receiver is WAITING, in a VM that is RUNNING, makes the receiver RUNNING.",
    over=each_sp_vcpu,
    when=lambda label, before, after, old, new: (
        is_request_to(label.action, old) and old.vm.state == VmState.RUNNING and old.state == VcpuState.WAITING
    ),
    then=lambda label, before, after, old, new: new.state == VcpuState.RUNNING,
    sources=(REQUEST,),
)
P43_R1 = refinement(
    P43,
    "P43.r1",
    "A normal-world request to a WAITING, saved vCPU that serves no request is accepted",
    "As P43, from the normal world, when the receiver's registers are saved and no earlier request is open, as long "
    "as no SP calls FFA_RUN.",
    where=lambda label, before, after, old, new: (
        from_normal_world(label, before) and old.regs_available and not request_open(old)
    ),
    assuming=NO_RUN_BY_SPS,
)
P43_R2 = refinement(
    P43,
    "P43.r2",
    "A request to a WAITING, saved vCPU that serves no request is accepted unless the sender may not send",
    "As P43, from any sender: what is left is DENIED, for a sender whose runtime model forbids the request, as long "
    "as no SP calls FFA_RUN.",
    where=lambda label, before, after, old, new: label.reply != DENIED and old.regs_available and not request_open(old),
    assuming=NO_RUN_BY_SPS,
)


def _is_addressed(action: Action, vcpu: Vcpu) -> bool:
    return is_request_to(action, vcpu) or is_run_of(action, vcpu)


def _reply_for_aborted(vcpu: Vcpu) -> FfaValue:
    return ffa_error(FfaError.BUSY if vcpu.vm.partition.lifecycle_support else FfaError.ABORTED)


def _is_unhindered(label: StepLabel, before: Machine, old: Vcpu) -> bool:
    """A call of the normal world, on a vCPU that nothing but its state makes unavailable."""
    if not from_normal_world(label, before) or not old.regs_available:
        return False
    if label.action.operation == DIRECT_REQUEST:
        return not request_open(old)
    return bool(old.call_chain_prev == NULL and old.call_chain_next == NULL)


P47 = step(
    "P47",
    "The reply for an ABORTED vCPU depends on lifecycle support alone",
    "FFA_RUN and direct requests to an ABORTED vCPU get BUSY if its partition supports the lifecycle (it may come "
    "back), and ABORTED if not, whoever asks and whatever it was doing when it aborted.",
    over=each_sp_vcpu,
    when=lambda label, before, after, old, new: (
        label.reply is not None and _is_addressed(label.action, old) and old.state == VcpuState.ABORTED
    ),
    then=lambda label, before, after, old, new: label.reply == _reply_for_aborted(old),
    sources=(PREPARE_RUN, REQUEST, RUN_CHECKS, "FF-A v1.3 section 7.2, as cited by inc/hf/vcpu.h"),
)
P47_R1 = refinement(
    P47,
    "P47.r1",
    "To the normal world, the reply for an ABORTED, saved vCPU depends on lifecycle support alone",
    "As P47, for calls of the normal world, when the vCPU's registers are saved and the call is not hindered by a "
    "request that was open, or a call chain that was entered, when it aborted, as long as no SP calls FFA_RUN.",
    where=lambda label, before, after, old, new: _is_unhindered(label, before, old),
    assuming=NO_RUN_BY_SPS,
)
P47_R2 = step(
    "P47.r2",
    "An ABORTED vCPU of a lifecycle-aware partition is not reported as ABORTED",
    "A partition that may come back is BUSY or DENIED, but never given up.",
    over=each_lifecycle_sp_vcpu,
    when=P47.antecedent,
    then=lambda label, before, after, old, new: label.reply != ffa_error(FfaError.ABORTED),
    sources=P47.sources,
    refines="P47",
)

X19 = step(
    "X19",
    "FFA_RUN of a vCPU that can run is not refused as invalid",
    "INVALID_PARAMETERS says that there is no such vCPU. Where the caller has named one of a RUNNING VM that is not "
    "OFF, it is told something else, if it is refused at all.",
    over=each_sp_vcpu,
    when=lambda label, before, after, old, new: (
        label.reply is not None
        and is_run_of(label.action, old)
        and old.vm.state == VmState.RUNNING
        and old.state != VcpuState.OFF
    ),
    then=lambda label, before, after, old, new: label.reply != ffa_error(FfaError.INVALID_PARAMETERS),
    sources=(RUN_CHECKS, PREPARE_RUN),
)
