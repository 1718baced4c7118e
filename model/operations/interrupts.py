"""Secure and non-secure interrupts (src/ffa/spmc/interrupts.c, src/arch/aarch64/hypervisor/handler.c)."""

from __future__ import annotations

from model.machine import NULL, Machine, Vcpu
from model.operations.fixes import is_gone
from model.operations.interrupt_target import ffa_interrupts_find_target_vcpu, hf_ipi_handle
from model.operations.runtime_models import ffa_direct_msg_precedes_in_call_chain
from model.operations.switch import api_preempt
from model.operations.vcpu import (
    vcpu_enter_secure_interrupt_rtm,
    vcpu_is_off,
    vcpu_secure_interrupt_complete,
    vcpu_set_running,
    vcpu_state_set,
)
from model.operations.virtual_interrupts import (
    vcpu_virt_interrupt_get_pending_and_enabled,
    vcpu_virt_interrupt_inject,
    vcpu_virt_interrupt_peek_pending_and_enabled,
    vcpu_virt_interrupt_pending_and_enabled,
)
from model.operations.vm import vm_is_aborting
from model.source import source
from model.values import (
    HF_IPI_INTID,
    HF_MANAGED_EXIT_INTID,
    INTERRUPT_RETURN,
    FfaValue,
    Func,
    InterruptAction,
    PriorityMask,
    Reply,
    SchedulingMode,
    VcpuState,
)

INTERRUPTS_C = "src/ffa/spmc/interrupts.c"
HANDLER_C = "src/arch/aarch64/hypervisor/handler.c"


@source(INTERRUPTS_C)
def ffa_interrupts_set_preempted_vcpu(m: Machine, target: Vcpu, preempted: Vcpu) -> None:
    """Record in the target who was preempted for it, and move that vCPU to PREEMPTED."""
    target.preempted_vcpu = preempted  # L137
    m.check(vcpu_state_set(m, preempted, VcpuState.PREEMPTED), "src/ffa/spmc/interrupts.c:138")  # L138


@source(INTERRUPTS_C)
def ffa_interrupts_unmask(m: Machine, current: Vcpu) -> None:
    """Restore the priority mask saved when current was given its cycles."""
    m.cpu.priority_mask = current.prev_interrupt_priority  # L147


@source(INTERRUPTS_C)
def ffa_interrupts_mask(m: Machine, receiver: Vcpu) -> None:
    """Save the priority mask, and mask what the receiver's manifest wants queued."""
    receiver.prev_interrupt_priority = m.cpu.priority_mask  # L161-162
    partition = receiver.vm.partition
    if (
        partition.other_s_interrupts_action is InterruptAction.QUEUED
        or receiver.scheduling_mode == SchedulingMode.SPMC_MODE
    ):  # L164
        m.cpu.priority_mask = PriorityMask.ALL_MASKED  # L175
    elif partition.ns_interrupts_action is InterruptAction.QUEUED and m.cpu.priority_mask == PriorityMask.OPEN:  # L177
        m.cpu.priority_mask = PriorityMask.NS_MASKED  # L181


@source(INTERRUPTS_C)
def interrupt_resume_waiting(m: Machine, current: Vcpu, target: Vcpu) -> int:
    """Prepare a WAITING target for the interrupt, current PREEMPTED; the id it is told."""
    if target.vm.partition.el0:  # L212
        pending_intid = vcpu_virt_interrupt_get_pending_and_enabled(m, target)  # L213
    else:
        pending_intid = vcpu_virt_interrupt_peek_pending_and_enabled(m, target)  # L215
    vcpu_enter_secure_interrupt_rtm(m, target)  # L219
    ffa_interrupts_mask(m, target)  # L220
    ffa_interrupts_set_preempted_vcpu(m, target, current)  # L221
    if target.cpu != current.cpu:  # L223
        m.assert_(target.vm.vcpu_count == 1, "src/ffa/spmc/interrupts.c:229")  # L229
        target.cpu = current.cpu  # L230
    return pending_intid  # L233


@source(INTERRUPTS_C)
def ffa_interrupts_signal_secure_interrupt(m: Machine, current: Vcpu, target: Vcpu, v_intid: int) -> Vcpu | None:
    """Handle the interrupt by the target's state; the vCPU to run next, None: current goes on."""
    if m.chosen("interrupt-not-started", "pending", when=lambda: vcpu_is_off(m, target)):
        return None
    if target.cpu != current.cpu:  # L257
        m.assert_(target.vm.vcpu_count == 1, "src/ffa/spmc/interrupts.c:258")  # L258
    match target.state:  # L262
        case VcpuState.WAITING:  # L263
            if target.regs_available and not target.vm.partition.sri_intr_while_waiting:  # L275-280
                inject_int_id = interrupt_resume_waiting(m, current, target)  # L281
                if inject_int_id != 0:  # L286
                    m.assert_(
                        v_intid == inject_int_id or m.chosen("older-interrupt-first", "fixed"),
                        "src/ffa/spmc/interrupts.c:287",
                    )  # L287
                vcpu_set_running(m, target, INTERRUPT_RETURN)  # L292
                return target  # L290
        case VcpuState.BLOCKED:  # L303
            if (
                not target.vm.partition.el0
                and target.cpu == current.cpu
                and ffa_direct_msg_precedes_in_call_chain(m, current, target)
                and m.chosen("interrupt-blocked", "resumed")
                and not m.chosen(
                    "init-chain-keeps-interrupt", "fixed", when=lambda: target.scheduling_mode == SchedulingMode.NONE
                )
            ):  # L304
                nwd_mode = SchedulingMode.NWD_MODE
                m.assert_(current.scheduling_mode == nwd_mode, "src/ffa/spmc/interrupts.c:324")  # L323
                m.assert_(target.scheduling_mode == nwd_mode, "src/ffa/spmc/interrupts.c:325")  # L325
                vcpu_set_running(m, target, INTERRUPT_RETURN)  # L333
                ffa_interrupts_set_preempted_vcpu(m, target, current)  # L335
                return target  # L337
        case VcpuState.PREEMPTED:  # L355
            if not target.vm.partition.el0 and target.cpu == current.cpu and current.vm.id == m.other_world_id:  # L363
                nwd_mode = SchedulingMode.NWD_MODE
                m.check(target.scheduling_mode == nwd_mode, "src/ffa/spmc/interrupts.c:377")  # L377
        case VcpuState.RUNNING | VcpuState.STARTING:  # L380-381
            pass
        case _:
            m.panic("Secure interrupt cannot be signaled to target SP")  # L393
    return None  # L397


@source(INTERRUPTS_C)
def ffa_interrupts_handle_secure_interrupt(m: Machine, current: Vcpu, intid: int) -> Reply:
    """A secure interrupt was taken: make it pending for its owner and perhaps switch to it."""
    target, v_intid = ffa_interrupts_find_target_vcpu(m, current, intid)  # L423
    if target is None:  # L438
        return None, None  # L441
    m.lock(target.vm)  # L444
    if target is current:  # L446
        m.lock(current)  # L447
    else:
        m.lock_both(current, target)  # L452
    next_vcpu = None
    if target.state == VcpuState.ABORTED or vm_is_aborting(m, target.vm):  # L465-466
        vcpu_secure_interrupt_complete(m, target)  # L468
    else:
        vcpu_virt_interrupt_inject(m, target, v_intid)  # L475
        if intid != HF_IPI_INTID or not hf_ipi_handle(m, target):  # L477-479
            next_vcpu = ffa_interrupts_signal_secure_interrupt(m, current, target, v_intid)  # L493
    if target is not current or m.chosen("unlock-once", "as-is"):
        m.unlock(target)  # L499
        if target is current:
            m.window("W12")
    m.unlock(current)  # L502
    m.unlock(target.vm)  # L503
    return None, next_vcpu


@source(INTERRUPTS_C)
def ffa_interrupts_unwind_nwd_call_chain(m: Machine, current: Vcpu) -> Reply:
    """A non-secure interrupt preempts current: back to the caller in its call chain, or to the normal world."""
    m.check(current.scheduling_mode == SchedulingMode.NWD_MODE, "src/ffa/spmc/interrupts.c:546")  # L546
    m.assert_(
        current.call_chain_next == NULL
        or m.chosen("open-callee-denies-leaving", "fixed")
        or m.chosen("preemption-keeps-link", "fixed"),
        "src/ffa/spmc/interrupts.c:547",
    )  # L547
    if current.call_chain_prev == NULL or m.chosen("preempted-chain", "normal-world"):  # L549
        return api_preempt(m, current)  # L551
    caller: Vcpu = current.call_chain_prev  # L554
    if is_gone(m, caller):
        return api_preempt(m, current)
    m.lock_both(current, caller)  # L562
    if m.chosen("preemption-keeps-link", "as-is"):
        current.call_chain_prev = NULL  # L565
    m.check(vcpu_state_set(m, current, VcpuState.PREEMPTED), "src/ffa/spmc/interrupts.c:566")  # L566
    m.assert_(caller.state == VcpuState.BLOCKED, "src/ffa/spmc/interrupts.c:574")  # L574
    m.assert_(caller.call_chain_next == current, "src/ffa/spmc/interrupts.c:575")  # L575
    if m.chosen("preemption-keeps-link", "as-is"):
        caller.call_chain_next = NULL  # L577
    vcpu_set_running(m, caller, FfaValue(Func.INTERRUPT))  # L579
    m.unlock(caller)  # L586
    m.unlock(current)  # L587
    return None, caller


@source(INTERRUPTS_C)
def ffa_interrupts_intercept_call(m: Machine, current: Vcpu, next_vcpu: Vcpu) -> bool:
    """Whether current, about to wait with an interrupt pending, is resumed at once to handle it."""
    if not m.is_spmc or not vcpu_virt_interrupt_pending_and_enabled(m, current):  # L768
        return False
    if current.vm.partition.sri_intr_pending_entry_wait:  # L777
        return False  # L782
    if m.chosen("pending-at-wait", "later"):
        return False
    interrupt_resume_waiting(m, next_vcpu, current)  # L798
    if m.chosen("interception-frees-registers", "fixed", when=lambda: not next_vcpu.regs_available):
        next_vcpu.regs_available = True
    vcpu_set_running(m, current, None)  # L807
    return True  # L809


@source(HANDLER_C)
def fiq_lower(m: Machine, current: Vcpu) -> Reply:
    """A non-secure interrupt arrived while an SP that does not queue them executes."""
    action = current.vm.partition.ns_interrupts_action
    m.assert_(action is not InterruptAction.QUEUED, "src/arch/aarch64/hypervisor/handler.c:1011")  # L1011
    if action is InterruptAction.ME:  # L1013
        m.lock(current)
        current.prev_interrupt_priority = m.cpu.priority_mask
        m.cpu.priority_mask = PriorityMask.NS_MASKED  # L1020
        vcpu_virt_interrupt_inject(m, current, HF_MANAGED_EXIT_INTID)
        current.processing_managed_exit = True  # L1028
        m.unlock(current)
        return None, None
    return ffa_interrupts_unwind_nwd_call_chain(m, current)  # L1046
