"""Interrupts: who is resumed for one, and who goes on afterwards."""

from __future__ import annotations

from model.values import VcpuState, VmState
from properties.language import each_sp_vcpu
from properties.scopes import each_sp_vcpu_and_other
from properties.statements import always, step
from properties.vocabulary import SECURE_INTERRUPT, begins_to_act, unchanged

P09 = step(
    "P09",
    "A secure interrupt does not resume a vCPU of an ABORTING VM",
    "An interrupt that belongs to an aborted partition is dropped; the vCPU that was interrupted goes on.",
    over=each_sp_vcpu,
    when=lambda label, before, after, old, new: label.action.operation == SECURE_INTERRUPT and begins_to_act(old, new),
    then=lambda label, before, after, old, new: old.vm.state != VmState.ABORTING,
    sources=("src/ffa/spmc/interrupts.c:ffa_interrupts_handle_secure_interrupt",),
)

P33 = always(
    "P33",
    "A vCPU recorded as preempted is PREEMPTED",
    "The vCPU that is to go on after the interrupt is still where the interrupt stopped it: going back to it panics "
    "otherwise.",
    over=each_sp_vcpu_and_other,
    when=lambda m, vcpu, other: vcpu.preempted_vcpu == other,
    then=lambda m, vcpu, other: other.state == VcpuState.PREEMPTED,
    sources=(
        "src/ffa/spmc/interrupts.c:ffa_interrupts_set_preempted_vcpu",
        "src/ffa/spmc/cpu_cycles.c:ffa_cpu_cycles_preempted_vcpu_resume",
        "src/ffa/spmc/cpu_cycles.c:ffa_cpu_cycles_run_checks",
        "src/vcpu.c:vcpu_secure_interrupt_complete",
    ),
)
P33_R1 = step(
    "P33.r1",
    "A vCPU is PREEMPTED when it is recorded as preempted",
    "As P33, at the moment the record is made. It is not updated when the normal world resumes the preempted vCPU, "
    "nor when the one that preempted it aborts.",
    over=each_sp_vcpu_and_other,
    when=lambda label, before, after, old, new, old_other, new_other: (
        not unchanged(old, new, "preempted_vcpu") and new.preempted_vcpu == new_other
    ),
    then=lambda label, before, after, old, new, old_other, new_other: new_other.state == VcpuState.PREEMPTED,
    sources=P33.sources,
    refines="P33",
)
