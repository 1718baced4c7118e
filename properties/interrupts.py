"""Interrupts: who is resumed for one, who goes on afterwards, and what is masked meanwhile."""

from __future__ import annotations

from model.machine import NULL
from model.values import PowerOperation, PriorityMask, RuntimeModel, SchedulingMode, VcpuState, VmState
from properties.language import each_sp_vcpu
from properties.scopes import (
    each_cpu_and_normal_world,
    each_cpu_and_sp_vcpu,
    each_sp_vcpu_and_other,
    each_sp_vcpu_of_several,
    each_subscribed_sp_vcpu,
    if_interrupts,
    if_the_preempted_stay,
)
from properties.statements import always, refinement, step
from properties.vocabulary import (
    NO_RUN_BY_SPS,
    ONE_CPU_NORMAL_WORLD,
    SECURE_INTERRUPT,
    WELL_BEHAVED_SPS,
    begins_to_act,
    from_normal_world,
    own_cpu,
    unchanged,
)

P09 = step(
    "P09",
    "A secure interrupt does not resume a vCPU of an ABORTING VM",
    "An interrupt that belongs to an aborted partition is dropped; the vCPU that was interrupted goes on.",
    over=if_interrupts(each_sp_vcpu),
    when=lambda label, before, after, old, new: label.action.operation == SECURE_INTERRUPT and begins_to_act(old, new),
    then=lambda label, before, after, old, new: old.vm.state != VmState.ABORTING,
    sources=("src/ffa/spmc/interrupts.c:ffa_interrupts_handle_secure_interrupt",),
)

P33 = always(
    "P33",
    "A vCPU recorded as preempted is PREEMPTED",
    "The vCPU that is to go on after the interrupt is still where the interrupt stopped it: going back to it panics "
    "otherwise.",
    over=if_interrupts(each_sp_vcpu_and_other),
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
    over=if_interrupts(each_sp_vcpu_and_other),
    when=lambda label, before, after, old, new, old_other, new_other: (
        not unchanged(old, new, "preempted_vcpu") and new.preempted_vcpu == new_other
    ),
    then=lambda label, before, after, old, new, old_other, new_other: new_other.state == VcpuState.PREEMPTED,
    sources=P33.sources,
    refines="P33",
)

X03 = always(
    "X03",
    "A vCPU that the SPMC preempted is remembered",
    "A PREEMPTED vCPU in SPMC mode is somebody's preempted_vcpu: the normal world cannot resume it (FFA_RUN panics).",
    over=if_interrupts(each_sp_vcpu_of_several),
    when=lambda m, vcpu: vcpu.state == VcpuState.PREEMPTED and vcpu.scheduling_mode == SchedulingMode.SPMC_MODE,
    then=lambda m, vcpu: any(bool(other.preempted_vcpu == vcpu) for vm in m.loaded_vms for other in vm.vcpus),
    sources=(
        "src/ffa/spmc/interrupts.c:ffa_interrupts_set_preempted_vcpu",
        "src/ffa/spmc/cpu_cycles.c:ffa_cpu_cycles_init_schedule_mode_ffa_run",
    ),
)

X06 = always(
    "X06",
    "Who executes to handle a secure interrupt knows whom it preempted",
    "Otherwise FFA_MSG_WAIT, at the end of the handling, asserts.",
    over=if_interrupts(each_cpu_and_sp_vcpu),
    when=lambda m, cpu, vcpu: cpu.current == vcpu and vcpu.rt_model == RuntimeModel.SEC_INTERRUPT,
    then=lambda m, cpu, vcpu: vcpu.preempted_vcpu != NULL,
    sources=(
        "src/ffa/spmc/cpu_cycles.c:ffa_cpu_cycles_msg_wait_prepare",
        "src/ffa/spmc/cpu_cycles.c:ffa_cpu_cycles_run_checks",
    ),
)

X06_R1 = refinement(
    X06,
    "X06.r1",
    "Who executes to handle a secure interrupt knows whom it preempted, where SPs do not call FFA_RUN",
    "As X06, as long as no SP calls FFA_RUN, which forgets the preempted vCPU even when it fails. "
    "(Not where another CPU can take a preempted SP away, as in P23.)",
    assuming=NO_RUN_BY_SPS,
    over=if_interrupts(if_the_preempted_stay(each_cpu_and_sp_vcpu)),
)

X07 = always(
    "X07",
    "A WAITING vCPU remembers no preempted one",
    "What was preempted has been resumed before the vCPU waits for new work; otherwise a later FFA_RUN by the vCPU "
    "is diverted to it.",
    over=each_sp_vcpu,
    when=lambda m, vcpu: vcpu.state == VcpuState.WAITING,
    then=lambda m, vcpu: vcpu.preempted_vcpu == NULL,
    sources=("src/vcpu.c:vcpu_secure_interrupt_complete", "src/ffa/spmc/cpu_cycles.c:ffa_cpu_cycles_run_checks"),
)

X08 = always(
    "X08",
    "In SPMC mode, all interrupts are masked",
    "While a vCPU executes in SPMC-scheduled mode, no interrupt can preempt it: the code that preempts asserts "
    "normal-world mode.",
    over=if_interrupts(each_cpu_and_sp_vcpu),
    when=lambda m, cpu, vcpu: cpu.current == vcpu and vcpu.scheduling_mode == SchedulingMode.SPMC_MODE,
    then=lambda m, cpu, vcpu: cpu.priority_mask == PriorityMask.ALL_MASKED,
    sources=("src/ffa/spmc/interrupts.c:ffa_interrupts_mask", "src/ffa/spmc/interrupts.c:ffa_interrupts_unmask"),
)

X08_R1 = refinement(
    X08,
    "X08.r1",
    "With no CPU powered off, all interrupts are masked in SPMC mode",
    "As X08, as long as no vCPU is booted again with the scheduling mode it had before.",
    assuming=ONE_CPU_NORMAL_WORLD,
)

X09 = always(
    "X09",
    "While the normal world executes, no interrupt is masked",
    "The mask that was set for an SP is restored when the SP gives its cycles back, by whatever way. Otherwise "
    "secure interrupts are lost on the CPU.",
    over=each_cpu_and_normal_world,
    when=lambda m, cpu, vcpu: cpu.current == vcpu,
    then=lambda m, cpu, vcpu: cpu.priority_mask == PriorityMask.OPEN,
    sources=(
        "src/ffa/spmc/interrupts.c:ffa_interrupts_unmask",
        "src/arch/aarch64/hypervisor/handler.c:ffa_partition_abort",
    ),
)

X09_R1 = refinement(
    X09,
    "X09.r1",
    "While the normal world executes, no interrupt is masked, where SPs neither abort nor call FFA_RUN",
    "As X09, as long as SPs give their cycles back by FFA_MSG_WAIT, FFA_YIELD and responses only.",
    assuming=(*WELL_BEHAVED_SPS, *NO_RUN_BY_SPS),
)
X09_R2 = refinement(
    X09,
    "X09.r2",
    "While the normal world executes, no interrupt is masked, where SPs do not abort and no secure interrupt arrives",
    "As X09, as long as SPs are well-behaved and are given their cycles by FFA_RUN and messages only.",
    assuming=(*WELL_BEHAVED_SPS, "secure_interrupts"),
)

X20 = step(
    "X20",
    "An SP that is asked about CPU_OFF keeps the normal world's interrupt mask",
    "All interrupts are masked while SPs are asked. Should one abort instead of answering, the CPU stays on, and the "
    "mask that its vCPU keeps is to be restored: it is the one under which the normal world called, where X09 holds. "
    "(Of the SP that is asked first, if it has not aborted before, as long as no SP calls FFA_RUN.)",
    over=each_subscribed_sp_vcpu,
    when=lambda label, before, after, old, new: (
        from_normal_world(label, before)
        and not unchanged(old, new, "pwr_mgmt_op")
        and new.pwr_mgmt_op == PowerOperation.CPU_OFF
        and new.vm.state == VmState.RUNNING
        and own_cpu(before, old).priority_mask == PriorityMask.OPEN
    ),
    then=lambda label, before, after, old, new: new.prev_interrupt_priority == PriorityMask.OPEN,
    sources=(
        "src/ffa/spmc/direct_messaging.c:ffa_direct_msg_handle_framework_msg",
        "src/ffa/spmc/direct_messaging.c:build_psci_off_frmk_msg",
    ),
    assuming=NO_RUN_BY_SPS,
)
