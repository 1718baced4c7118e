"""What must never happen at all: a CHECK, a panic, an assertion, an access through NULL."""

from __future__ import annotations

from typing import Any

from model.machine import Machine
from model.values import VcpuState
from properties.language import StepLabel, once
from properties.statements import BOTH_WORLDS, never, refinement
from properties.vocabulary import (
    DIRECT_RESPONSE,
    MSG_WAIT,
    ONE_CPU_NORMAL_WORLD,
    WELL_BEHAVED_SPS,
    YIELD,
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
)

P37 = refinement(
    P35,
    "P37",
    "SPs cannot stop the SPMC while the normal world keeps to one CPU",
    "As P35, for arbitrary SPs and a normal world that uses CPU 0 alone, leaves it on, and sends no FFA_ERROR.",
    assuming=ONE_CPU_NORMAL_WORLD,
)
