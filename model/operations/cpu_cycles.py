"""Giving cycles back: FFA_MSG_WAIT, FFA_YIELD, FFA_ERROR, abort, and the boot chain (src/ffa/spmc/cpu_cycles.c)."""

from __future__ import annotations

from functools import partial

from model.machine import NULL, Machine, Vcpu, Vm
from model.operations.abort_fixes import (
    answer_request_on_abort,
    end_handling_on_abort,
    is_waited_for,
    resume_caller_on_abort,
)
from model.operations.after_abort import (
    abort_to_requester,
    can_hand_back,
    handles_interrupt,
    requester_waits,
    serves_request,
    state_of_aborted,
    unwind_below,
    vcpu_aborts_alone,
    vcpu_stays_aborted,
)
from model.operations.fixes import first_to_boot, is_gone, take_registers, unlink_from_callee
from model.operations.hypervisor import ffa_indirect_msg_recv, hypervisor_yield_prepare
from model.operations.interrupts import ffa_interrupts_intercept_call, ffa_interrupts_unmask
from model.operations.switch import api_switch_to_other_world, api_switch_to_primary, api_switch_to_vm
from model.operations.vcpu import (
    vcpu_secure_interrupt_complete,
    vcpu_set_running,
    vcpu_state_set,
)
from model.operations.virtual_interrupts import vcpu_virt_interrupt_clear, vcpu_virt_interrupt_pending_and_enabled
from model.operations.vm import (
    counts_as_first_context,
    vm_get_next_boot,
    vm_get_next_boot_secondary_core,
    vm_get_vcpu,
    vm_set_aborting_flag,
    vm_set_state,
)
from model.source import source
from model.values import (
    HF_INVALID_VM_ID,
    HF_MANAGED_EXIT_INTID,
    INTERRUPT_RETURN,
    PRIMARY_CPU_INDEX,
    FfaError,
    FfaValue,
    Func,
    PowerOperation,
    PsciStatus,
    Reply,
    RuntimeModel,
    SchedulingMode,
    VcpuState,
    VmState,
    ffa_error,
    ffa_is_vm_id,
)

SPMC_CPU_CYCLES_C = "src/ffa/spmc/cpu_cycles.c"


@source(SPMC_CPU_CYCLES_C)
def ffa_cpu_cycles_exit_spmc_schedule_mode(m: Machine, current: Vcpu) -> None:
    """The SPMC-scheduled call chain is completely unwound."""
    m.assert_(current.call_chain_next == NULL, "src/ffa/spmc/cpu_cycles.c:169")  # L169
    m.check(current.scheduling_mode == SchedulingMode.SPMC_MODE, "src/ffa/spmc/cpu_cycles.c:170")  # L170
    current.scheduling_mode = SchedulingMode.NONE  # L172
    current.rt_model = RuntimeModel.NONE  # L173


@source(SPMC_CPU_CYCLES_C)
def ffa_cpu_cycles_preempted_vcpu_resume(m: Machine, current: Vcpu, state: VcpuState = VcpuState.WAITING) -> Vcpu:
    """Current is done with the interrupt: it waits (or enters `state`), and whoever it preempted goes on."""
    m.check(current.preempted_vcpu != NULL, "src/ffa/spmc/cpu_cycles.c:194")  # L194
    m.check(
        current.preempted_vcpu.state == VcpuState.PREEMPTED,
        "src/ffa/spmc/cpu_cycles.c:195",
    )  # L195
    target: Vcpu = current.preempted_vcpu  # L197
    m.unlock(current)  # L198
    m.window("W6")
    m.lock_both(current, target)  # L201
    vcpu_secure_interrupt_complete(m, current)  # L206
    ffa_cpu_cycles_exit_spmc_schedule_mode(m, current)  # L209
    m.assert_(current.call_chain_prev == NULL, "src/ffa/spmc/cpu_cycles.c:210")  # L210
    m.check(vcpu_state_set(m, current, state), "src/ffa/spmc/cpu_cycles.c:212")  # L212
    vcpu_set_running(m, target, None)  # L214
    m.unlock(target)  # L216
    ffa_interrupts_unmask(m, current)  # L219
    return target  # L222


@source(SPMC_CPU_CYCLES_C)
def ffa_msg_wait_complete(m: Machine, current: Vcpu) -> Vcpu:
    """Current leaves its runtime model and waits; the normal world goes on."""
    current.scheduling_mode = SchedulingMode.NONE  # L232
    current.rt_model = RuntimeModel.NONE  # L233
    vcpu_virt_interrupt_clear(m, current, HF_MANAGED_EXIT_INTID)  # L239
    if m.chosen("wait-ends-managed-exit", "fixed", when=lambda: current.processing_managed_exit):
        current.processing_managed_exit = False
    return api_switch_to_other_world(m, current, FfaValue(Func.MSG_WAIT), VcpuState.WAITING)  # L242


@source(SPMC_CPU_CYCLES_C)
def ffa_cpu_cycles_msg_wait_intercept(m: Machine, current: Vcpu, next_vcpu: Vcpu) -> Vcpu | None:
    """Resume current at once if it has an interrupt pending; the vCPU to run next, None: current goes on."""
    m.unlock(current)  # L261
    m.window("W7")
    m.lock_both(current, next_vcpu)  # L263
    resumed = None if ffa_interrupts_intercept_call(m, current, next_vcpu) else next_vcpu  # L271
    m.unlock(next_vcpu)  # L277
    return resumed  # L279


@source(SPMC_CPU_CYCLES_C)
def sp_boot_next(m: Machine, current: Vcpu, state: VcpuState = VcpuState.WAITING) -> Vcpu | None:
    """Current has finished its initialisation: the vCPU of the next SP to boot on this CPU, if any.

    `state`, in which current is left, is always WAITING in the C.
    """
    cpu_indx = current.cpu.index  # L287
    if current.cpu.last_sp_initialized:  # L289
        return None  # L290
    if cpu_indx == PRIMARY_CPU_INDEX:  # L293-302
        next_vm = vm_get_next_boot(m, current.vm)  # L303
    else:
        next_vm = vm_get_next_boot_secondary_core(m, current.vm)  # L306
    while next_vm is not None and m.chosen("boot-chain", "go-on", when=partial(needs_no_boot, m, next_vm, cpu_indx)):
        next_vm = next_to_boot(m, next_vm, cpu_indx)
    next_vm = first_to_boot(m, next_vm, cpu_indx)
    m.join()
    m.check(vcpu_state_set(m, current, state), "src/ffa/spmc/cpu_cycles.c:309")  # L309
    current.rt_model = RuntimeModel.NONE  # L310
    current.scheduling_mode = SchedulingMode.NONE  # L311
    if next_vm is None:  # L317
        current.cpu.last_sp_initialized = True  # L318
        return None  # L369
    vcpu_next = vm_get_vcpu(m, next_vm, cpu_indx)  # L322
    if not vcpu_stays_aborted(m, vcpu_next) and (
        vcpu_next.rt_model == RuntimeModel.SP_INIT or vcpu_next.state == VcpuState.OFF
    ):  # L330
        if m.chosen("boot-releases-current", "fixed"):
            m.unlock(current)
            m.window("boot-releases-current")
        if m.chosen("H12", "after"):
            m.lock(next_vm)  # L335
        m.lock(vcpu_next)  # L336
        if m.chosen("H12", "after"):
            if counts_as_first_context(m, current.cpu) and vcpu_next.state == VcpuState.CREATED:  # L338
                vm_set_state(m, next_vm, VmState.RUNNING)  # L340
            if m.chosen("boot-holds-vm-lock", "as-is"):
                m.unlock(next_vm)  # L343
                m.window("W9")
        vcpu_next.rt_model = RuntimeModel.SP_INIT  # L345
        vcpu_next.cpu = current.cpu  # L347
        m.check(
            vcpu_state_set(m, vcpu_next, VcpuState.STARTING),
            "src/ffa/spmc/cpu_cycles.c:348",
        )  # L348
        vcpu_next.regs_available = False  # L349
        m.unlock(vcpu_next)  # L362
        if m.chosen("H12", "after") and m.chosen("boot-holds-vm-lock", "fixed"):
            m.unlock(next_vm)
        if m.chosen("boot-releases-current", "fixed"):
            m.lock(current)
        m.join()
        return vcpu_next  # L363-365
    return None  # L369


def next_to_boot(m: Machine, vm: Vm, cpu_indx: int) -> Vm | None:
    """The next SP in the boot order of a CPU, as sp_boot_next looks it up."""
    following = vm_get_next_boot if cpu_indx == PRIMARY_CPU_INDEX else vm_get_next_boot_secondary_core
    return following(m, vm)


def needs_no_boot(m: Machine, vm: Vm, cpu_indx: int) -> bool:
    """The condition of sp_boot_next on the next SP, negated: its vCPU has run in this power cycle of the CPU."""
    vcpu = vm_get_vcpu(m, vm, cpu_indx)
    if vcpu_stays_aborted(m, vcpu):
        return True
    return vcpu.rt_model != RuntimeModel.SP_INIT and vcpu.state != VcpuState.OFF


@source(SPMC_CPU_CYCLES_C)
def ffa_cpu_cycles_msg_wait_prepare(m: Machine, current: Vcpu) -> tuple[FfaValue, Vcpu | None]:
    """FFA_MSG_WAIT by runtime model.  Releases current's lock, which its caller releases again."""
    if not m.is_spmc:
        ret, next_vcpu = ffa_indirect_msg_recv(m, current)
        assert ret is not None
        return ret, next_vcpu
    match current.rt_model:  # L384
        case RuntimeModel.SP_INIT:  # L385
            next_vcpu = sp_boot_next(m, current)  # L386
            if next_vcpu is None:
                other_world = ffa_msg_wait_complete(m, current)  # L387
                next_vcpu = ffa_cpu_cycles_msg_wait_intercept(m, current, other_world)  # L389
        case RuntimeModel.SEC_INTERRUPT:  # L393
            m.assert_(current.preempted_vcpu != NULL, "src/ffa/spmc/cpu_cycles.c:397")  # L397
            preempted = ffa_cpu_cycles_preempted_vcpu_resume(m, current)  # L398
            next_vcpu = ffa_cpu_cycles_msg_wait_intercept(m, current, preempted)  # L400
            if next_vcpu is not None:
                ffa_interrupts_unmask(m, current)  # L407
        case RuntimeModel.FFA_RUN:  # L411
            other_world = ffa_msg_wait_complete(m, current)  # L412
            if m.chosen("wait-unmasks-first", "fixed", lambda: vcpu_virt_interrupt_pending_and_enabled(m, current)):
                ffa_interrupts_unmask(m, current)
            next_vcpu = ffa_cpu_cycles_msg_wait_intercept(m, current, other_world)  # L414
            if next_vcpu is not None:
                ffa_interrupts_unmask(m, current)  # L421
        case _:
            m.panic("unexpected runtime model")  # L426
    if m.chosen("unlock-once", "as-is"):
        m.unlock(current)  # L431
    return INTERRUPT_RETURN, next_vcpu


@source(SPMC_CPU_CYCLES_C)
def ffa_cpu_cycles_yield_prepare(m: Machine, current: Vcpu) -> tuple[FfaValue, Vcpu | None]:
    """FFA_YIELD by runtime model: current BLOCKED, its caller goes on; nothing while it handles an interrupt."""
    if not m.is_spmc:
        return hypervisor_yield_prepare(m, current)
    ret = FfaValue(Func.YIELD)
    next_vcpu: Vcpu | None
    match current.rt_model:  # L491
        case RuntimeModel.FFA_DIR_REQ:  # L492
            m.assert_(current.dir_req_origin != HF_INVALID_VM_ID, "src/ffa/spmc/cpu_cycles.c:493")  # L493
            if current.call_chain_prev == NULL:  # L495
                next_vcpu = api_switch_to_other_world(m, current, ret, VcpuState.BLOCKED)  # L500
            else:
                origin = current.dir_req_origin
                next_vcpu = api_switch_to_vm(m, current, ret, VcpuState.BLOCKED, int(origin))  # L509
                m.unlock(current)  # L513
                m.window("W5")
                m.lock_both(current, next_vcpu)  # L516
                if is_gone(m, next_vcpu):
                    m.unlock(next_vcpu)
                    next_vcpu = api_switch_to_other_world(m, current, ret, VcpuState.BLOCKED)
                else:
                    is_resumed = vcpu_state_set(m, next_vcpu, VcpuState.RUNNING)  # L518
                    if is_resumed:
                        take_registers(m, next_vcpu)
                    m.unlock(next_vcpu)  # L519
        case RuntimeModel.SEC_INTERRUPT:  # L522
            next_vcpu = None  # L534
            if m.chosen("yield-interrupt", "BLOCKED") and can_hand_back(current):
                next_vcpu = ffa_cpu_cycles_preempted_vcpu_resume(m, current, VcpuState.BLOCKED)
                current.rt_model = RuntimeModel.FFA_RUN
                current.scheduling_mode = SchedulingMode.NWD_MODE
        case _:
            m.check(current.rt_model == RuntimeModel.FFA_RUN, "src/ffa/spmc/cpu_cycles.c:538")  # L538
            next_vcpu = api_switch_to_primary(m, current, ret, VcpuState.BLOCKED)  # L539
    if next_vcpu is not None:  # L548
        ffa_interrupts_unmask(m, current)  # L549
    return FfaValue(Func.SUCCESS), next_vcpu


@source(SPMC_CPU_CYCLES_C)
def ffa_cpu_cycles_error_32(m: Machine, current: Vcpu, error_code: FfaError) -> Reply:
    """FFA_ERROR: ABORTED during initialisation means that it failed; anything else is not supported."""
    if not m.is_spmc:
        return ffa_error(FfaError.NOT_SUPPORTED), None
    m.lock(current.vm)  # L853
    m.lock(current)  # L854
    ret, next_vcpu = INTERRUPT_RETURN, None
    is_refused = not m.is_current_world(current.vm.id) and m.chosen("error-refuses-other-world", "fixed")
    if (
        (error_code == FfaError.ABORTED or m.chosen("init-error-code", "any"))
        and current.rt_model == RuntimeModel.SP_INIT
        and not is_refused
    ):  # L857
        if current.vm.partition.lifecycle_support and m.chosen("init-error-version", "denied"):
            m.unlock(current)
            m.unlock(current.vm)
            return ffa_error(FfaError.DENIED), None
        if vcpu_aborts_alone(m, current):
            pass
        elif m.chosen("H13", "before"):
            vm_set_aborting_flag(m, current.vm)
        else:
            m.check(vm_set_state(m, current.vm, VmState.ABORTING), "src/ffa/spmc/cpu_cycles.c:861")  # L861
        if m.chosen("abort-unlinks-callee", "fixed", when=lambda: current.call_chain_next != NULL):
            unlink_from_callee(m, current)
        m.join()
        next_vcpu = sp_boot_next(m, current, state_after_failed_boot(m, current))  # L864
        if next_vcpu is None:
            next_vcpu = api_switch_to_other_world(m, current, FfaValue(Func.MSG_WAIT), VcpuState.ABORTED)  # L873
        elif m.chosen("failed-init-is-aborted", "fixed"):
            m.check(vcpu_state_set(m, current, VcpuState.ABORTED), "failed-init-is-aborted")
    elif error_code == FfaError.ABORTED and m.chosen(
        "error-outside-init", "aborts", when=lambda: not ffa_is_vm_id(current.vm.id)
    ):
        if not vcpu_aborts_alone(m, current):
            m.check(vm_set_state(m, current.vm, VmState.ABORTING), "src/ffa/spmc/cpu_cycles.c:861")
        m.check(vcpu_state_set(m, current, VcpuState.ABORTED), "src/arch/aarch64/hypervisor/handler.c:1138")
        ret = FfaValue(Func.SUCCESS)
        next_vcpu = api_switch_to_primary(m, current, ffa_error(FfaError.ABORTED), VcpuState.ABORTED)
    else:
        ret = ffa_error(FfaError.NOT_SUPPORTED)  # L880
    m.unlock(current)  # L882
    m.unlock(current.vm)  # L883
    return ret, next_vcpu


@source(SPMC_CPU_CYCLES_C)
def ffa_cpu_cycles_abort(m: Machine, current: Vcpu) -> tuple[FfaValue, Vcpu]:
    """The normal world learns that current aborted, and goes on.

    The hypervisor's definition (src/ffa/hypervisor/cpu_cycles.c) takes a pointer where its prototype, and so
    its caller, pass the structure by value: it dereferences what is not a pointer.
    """
    if not m.is_spmc:
        m.crash("ffa_cpu_cycles_abort: prototype and definition disagree")
    to_ret = ffa_error(FfaError.ABORTED)  # L890
    if m.chosen("abort-in-cpu-off", "refusal", when=lambda: current.pwr_mgmt_op != PowerOperation.NONE):
        to_ret = FfaValue(Func.DIRECT_RESP, status=PsciStatus.DENIED)
    if m.chosen("abort-unlinks-callee", "fixed", when=lambda: current.call_chain_next != NULL):
        unlink_from_callee(m, current)
    m.join()
    next_vcpu = successor_of_aborted(m, current)
    if next_vcpu is None:
        next_vcpu = resume_after_abort(m, current, to_ret)
    m.join()
    if next_vcpu is None:
        next_vcpu = api_switch_to_primary(m, current, to_ret, state_of_aborted(m, current))  # L897
    m.join()
    if m.chosen("abort-resets-mode", "fixed", when=lambda: current.rt_model != RuntimeModel.NONE):
        current.scheduling_mode = SchedulingMode.NONE
        current.rt_model = RuntimeModel.NONE
    if m.chosen("abort-unmasks", "fixed"):
        ffa_interrupts_unmask(m, current)
    return FfaValue(Func.SUCCESS), next_vcpu  # L899


def successor_of_aborted(m: Machine, current: Vcpu) -> Vcpu | None:
    """Who goes on after current aborted, if not the normal world: in the C, nobody."""
    state = state_of_aborted(m, current)
    unwind_below(m, current)
    if m.chosen("abort-in-init", "next-boots", when=lambda: current.rt_model == RuntimeModel.SP_INIT):
        finished = FfaValue(Func.MSG_WAIT)
        return sp_boot_next(m, current, state) or api_switch_to_other_world(m, current, finished, state)
    if m.chosen("abort-in-interrupt", "resumes", when=partial(handles_interrupt, current)) and can_hand_back(current):
        return ffa_cpu_cycles_preempted_vcpu_resume(m, current, state)
    if m.chosen("abort-request", "requester", when=partial(serves_request, current)) and requester_waits(current):
        return abort_to_requester(m, current, state)
    return None


def state_after_failed_boot(m: Machine, current: Vcpu) -> VcpuState:
    """In which state a vCPU whose initialisation failed is left while the next SP boots: in the C, WAITING."""
    is_aborted = vcpu_aborts_alone(m, current) or m.chosen("init-failed-state", "ABORTED")
    return VcpuState.ABORTED if is_aborted else VcpuState.WAITING


def resume_after_abort(m: Machine, current: Vcpu, to_ret: FfaValue) -> Vcpu | None:
    """Who goes on after an abort, where a fix makes it another one than the normal world."""
    if m.chosen("abort-boots-next", "fixed", when=lambda: current.rt_model == RuntimeModel.SP_INIT):
        next_vcpu = sp_boot_next(m, current, VcpuState.STOPPED)
        if next_vcpu is None:
            return api_switch_to_other_world(m, current, FfaValue(Func.MSG_WAIT), VcpuState.ABORTED)
        m.check(vcpu_state_set(m, current, VcpuState.ABORTED), "abort-boots-next")
        return next_vcpu
    if m.chosen("abort-ends-handling", "fixed", when=lambda: current.rt_model == RuntimeModel.SEC_INTERRUPT):
        return end_handling_on_abort(m, current)
    if m.chosen("abort-resumes-preempted", "fixed", when=lambda: current.rt_model == RuntimeModel.SEC_INTERRUPT):
        return ffa_cpu_cycles_preempted_vcpu_resume(m, current, VcpuState.ABORTED)
    if m.chosen("abort-answers-request", "fixed", when=lambda: current.rt_model == RuntimeModel.FFA_DIR_REQ):
        return answer_request_on_abort(m, current, to_ret)
    if m.chosen("abort-resumes-caller", "fixed", when=lambda: is_waited_for(current)):
        return resume_caller_on_abort(m, current, to_ret)
    return None
