"""Interrupts: who is resumed for one, and who goes on afterwards."""

from __future__ import annotations

from model.values import RuntimeModel, VcpuState, VmState
from properties.language import each_sp_vcpu
from properties.scopes import each_sp_vcpu_and_other
from properties.statements import always, refinement, step
from properties.vocabulary import NO_RUN_BY_SPS, SECURE_INTERRUPT, begins_to_act

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
P33_R1 = refinement(
    P33,
    "P33.r1",
    "A vCPU recorded as preempted by one that is RUNNING to handle the interrupt is PREEMPTED",
    "As P33, while the vCPU that handles the interrupt has CPU cycles for it, and no SP calls FFA_RUN: an abort, and "
    "a direct request in the meantime, leave the record behind.",
    where=lambda m, vcpu, other: vcpu.state == VcpuState.RUNNING and vcpu.rt_model == RuntimeModel.SEC_INTERRUPT,
    assuming=NO_RUN_BY_SPS,
)
