"""What must never happen at all: a CHECK, a panic, an assertion, an access through NULL."""

from __future__ import annotations

from typing import Any

from model.machine import Machine
from model.values import RuntimeModel, VcpuState, World
from properties.language import StepLabel, once
from properties.scopes import if_the_preempted_stay
from properties.statements import BOTH_WORLDS, never, refinement
from properties.vocabulary import (
    CPU_RESUME,
    DIRECT_RESPONSE,
    FFA_ERROR,
    FFA_RUN,
    MSG_WAIT,
    ONE_CPU_NORMAL_WORLD,
    WELL_BEHAVED_SPS,
    YIELD,
    from_normal_world,
    has_callee,
    is_sp,
)

P35 = never(
    "P35",
    "Nothing stops the SPMC",
    "No execution ends in a failed CHECK, a panic, a failed assertion, a self-deadlock or an access through NULL. "
    "Any of them takes the whole system down.",
    over=once,
    happens=lambda label, before, after: label.outcome.is_failure,
    sources=("inc/hf/check.h:CHECK", "src/panic.c:panic"),
    worlds=BOTH_WORLDS,
    causes=True,
)
P35_R1 = refinement(
    P35,
    "P35.r1",
    "Nothing but FFA_RUN stops the hypervisor",
    "As P35, for the hypervisor build: its one failing check is the assertion, in FFA_RUN, that a CREATED vCPU is in "
    "its initialisation, which a vCPU that was turned off and on again is not.",
    where=lambda label, *_: label.action.operation != FFA_RUN,
    worlds=(World.HYPERVISOR,),
)


def _deserts_its_callee(label: StepLabel, before: Machine, *_: Any) -> bool:
    """Whether an SP waits, yields or responds, or has waited before, while a request of its own is unanswered."""
    action = label.action
    if action.operation in (MSG_WAIT, YIELD, DIRECT_RESPONSE) and has_callee(before.handles[action.actor]):
        return True
    vcpus = [vcpu for vm in before.vms if is_sp(vm) for vcpu in vm.vcpus]
    return any(vcpu.state == VcpuState.WAITING and has_callee(vcpu) for vcpu in vcpus)


P36 = refinement(
    P35,
    "P36",
    "Well-behaved SPs and an arbitrary normal world cannot stop the SPMC",
    "As P35, for SPs that do not abort, do not call FFA_RUN on themselves, and neither wait, yield nor respond "
    "while a request of their own is unanswered. The normal world is not trusted and may do anything.",
    where=lambda *arguments: not _deserts_its_callee(*arguments),
    assuming=WELL_BEHAVED_SPS,
    worlds=(World.SPMC,),
)

P37 = refinement(
    P35,
    "P37",
    "SPs cannot stop the SPMC while the normal world keeps to one CPU",
    "As P35, for arbitrary SPs and a normal world that uses CPU 0 alone, leaves it on, and sends no FFA_ERROR.",
    assuming=ONE_CPU_NORMAL_WORLD,
    worlds=(World.SPMC,),
)


def _is_known_way(label: StepLabel, before: Machine, *_: Any) -> bool:
    """Whether the normal world sends FFA_ERROR, or a CPU comes up."""
    action = label.action
    return action.operation == CPU_RESUME or (action.operation == FFA_ERROR and from_normal_world(label, before))


P36_R1 = refinement(
    P36,
    "P36.r1",
    "The normal world can stop an SPMC whose SPs keep to themselves in two ways only",
    "As P36, for SPs that only wait, respond, and handle interrupts, with no interrupt while they initialise. The "
    "two ways are FFA_ERROR, and powering CPU 0 off and on again. (A third one exists where an SP's interrupt can "
    "preempt a uniprocessor SP: it can be resumed on another CPU before the interrupt has been handled.)",
    over=if_the_preempted_stay(once),
    where=lambda *arguments: not _is_known_way(*arguments),
    assuming=("boot_interrupts", *WELL_BEHAVED_SPS, "sp_requests", "sp_runs", "sp_yields"),
)


def _is_known_requester(label: StepLabel, before: Machine, *_: Any) -> bool:
    """Whether the caller has an unanswered request, or an SP has sent one during its unfinished initialisation."""
    actor = label.action.actor
    if actor is not None and has_callee(before.handles[actor]):
        return True
    interrupted = (VcpuState.BLOCKED, VcpuState.PREEMPTED, VcpuState.RUNNING)
    vcpus = [vcpu for vm in before.vms if is_sp(vm) for vcpu in vm.vcpus]
    return any(vcpu.rt_model == RuntimeModel.SP_INIT and vcpu.state in interrupted for vcpu in vcpus)


P37_R1 = refinement(
    P37,
    "P37.r1",
    "SPs that neither abort, yield nor call FFA_RUN can stop the SPMC by early or unanswered requests only",
    "As P37, with such SPs, no non-secure interrupts, and none at all while they initialise. What is left is the SP "
    "that sends a request during its initialisation: it comes back as RUNNING, and its next call fails an assertion; "
    "and the SP that handles an interrupt while a request of its own is unanswered: it fails one when it waits or "
    "responds.",
    where=lambda *arguments: not _is_known_requester(*arguments) and not _deserts_its_callee(*arguments),
    assuming=("boot_interrupts", *ONE_CPU_NORMAL_WORLD, "non_secure_interrupts", "sp_aborts", "sp_runs", "sp_yields"),
)
