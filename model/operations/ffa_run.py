"""FFA_RUN (src/api.c, src/ffa/spmc/cpu_cycles.c)."""

from __future__ import annotations

from functools import partial

from model.machine import NULL, Machine, Vcpu, Vm
from model.operations.after_abort import handles_interrupt
from model.operations.cpu import cpu_index
from model.operations.fixes import is_to_be_resumed, mask_to_restore
from model.operations.hypervisor import hypervisor_run_checks
from model.operations.interrupts import ffa_interrupts_mask
from model.operations.runtime_models import ffa_cpu_cycles_check_runtime_state_transition
from model.operations.switch import api_ffa_get_vm_vcpu
from model.operations.vcpu import (
    is_ffa_direct_msg_request_ongoing,
    vcpu_secure_interrupt_complete,
    vcpu_set_running,
    vcpu_state_set,
)
from model.operations.virtual_interrupts import vcpu_virt_interrupt_pending_and_enabled
from model.operations.vm import counts_as_first_context, vm_get_vcpu, vm_is_up, vm_set_state
from model.source import source
from model.values import (
    HF_INVALID_VM_ID,
    INTERRUPT_RETURN,
    FfaError,
    FfaValue,
    Func,
    Reply,
    RuntimeModel,
    SchedulingMode,
    VcpuState,
    VmState,
    ffa_error,
    ffa_is_vm_id,
)

API_C = "src/api.c"
SPMC_CPU_CYCLES_C = "src/ffa/spmc/cpu_cycles.c"

INVALID_PARAMETERS = ffa_error(FfaError.INVALID_PARAMETERS)
DENIED = ffa_error(FfaError.DENIED)
BUSY = ffa_error(FfaError.BUSY)
ABORTED = ffa_error(FfaError.ABORTED)


@source(SPMC_CPU_CYCLES_C)
def ffa_cpu_cycles_run_checks(
    m: Machine, current: Vcpu, target_vm_id: int, vcpu_idx: int
) -> tuple[bool, FfaValue, Vcpu | None]:
    """Whether current may resume a vCPU of the target VM, the error if not, and the vCPU to resume instead."""
    if not m.is_spmc:
        return (*hypervisor_run_checks(m, current, target_vm_id), None)
    vm = m.vm_find(target_vm_id)  # L49
    if vm is None:  # L50
        return False, INVALID_PARAMETERS, None  # L51
    if (
        not vm_is_up(m, vm)
        and vcpu_idx != cpu_index(m, current.cpu)
        and (
            not vm_is_up(m, current.vm)
            or m.chosen("pinned-index", "every-caller")
            or m.chosen("run-checks-index", "fixed")
        )
    ):  # L54
        return False, INVALID_PARAMETERS, None  # L58
    target = api_ffa_get_vm_vcpu(m, vm, current)  # L61
    if target is current and m.chosen("run-denies-self", "fixed"):
        return False, DENIED, None
    m.unlock(current)  # L63
    m.window("W1")
    m.lock_both(current, target)  # L66
    run_ret, next_vcpu = INVALID_PARAMETERS, None
    allowed = True
    if not m.is_primary(current.vm) and target.state == VcpuState.OFF:  # L71
        allowed, run_ret = False, BUSY if m.chosen("off-target", "BUSY") else DENIED  # L73
    elif (
        m.is_current_world(current.vm.id)
        and m.is_current_world(target_vm_id)
        and target.state != VcpuState.PREEMPTED
        and target.state != VcpuState.BLOCKED
        and not m.chosen("run-waiting", "runs", when=lambda: target.state == VcpuState.WAITING)
    ):  # L82
        allowed, run_ret = False, reply_to_sp(m, target)  # L87
        if m.chosen("run-tells-aborted", "fixed", when=lambda: target.state == VcpuState.ABORTED):
            run_ret = aborted_reply(m, vm)
    elif not m.is_current_world(target_vm_id):  # L94
        allowed, run_ret = False, DENIED  # L95
    else:
        if m.is_current_world(current.vm.id) and current.preempted_vcpu != NULL:  # L105
            if vcpu_virt_interrupt_pending_and_enabled(m, current):  # L114
                allowed, run_ret = False, DENIED  # L115
            elif m.chosen("handler-denied-run", "fixed", when=lambda: current.rt_model == RuntimeModel.SEC_INTERRUPT):
                allowed, run_ret = False, DENIED
            else:
                if not m.chosen("intermediate-contexts", "resumed", when=lambda: not handles_interrupt(current)):
                    next_vcpu = current.preempted_vcpu  # L127
                if m.chosen("run-redirects-late", "as-is"):
                    vcpu_secure_interrupt_complete(m, current)  # L136
        if (
            allowed and (target.call_chain_prev != NULL or target.call_chain_next != NULL) and target.cpu != current.cpu
        ):  # L146
            allowed, run_ret = False, BUSY if m.chosen("chain-elsewhere", "BUSY") else DENIED  # L149
        elif allowed and m.chosen("migrate-serving", "DENIED", when=lambda: serves_elsewhere(m, target, current)):
            allowed, run_ret = False, DENIED
        if allowed and m.chosen("run-leaves-callees", "fixed", lambda: target.call_chain_prev not in (NULL, current)):
            allowed, run_ret = False, DENIED
    m.unlock(target)  # L156
    return allowed, run_ret, next_vcpu  # L157


def serves_elsewhere(m: Machine, target: Vcpu, current: Vcpu) -> bool:
    """Whether the target could go on here with a direct request that it got on another CPU."""
    return (
        target.state in (VcpuState.BLOCKED, VcpuState.PREEMPTED)
        and is_ffa_direct_msg_request_ongoing(m, target)
        and bool(target.cpu != current.cpu)
    )


def reply_to_sp(m: Machine, target: Vcpu) -> FfaValue:
    """What an SP is told whose FFA_RUN names a vCPU that is neither PREEMPTED nor BLOCKED: in the C, DENIED."""
    if m.chosen("sp-caller", "DENIED") or target.state == VcpuState.WAITING:
        return DENIED
    match target.state:
        case VcpuState.ABORTED:
            return aborted_reply(m, target.vm)
        case VcpuState.NULL:
            return INVALID_PARAMETERS
        case _:
            return BUSY


def aborted_reply(m: Machine, vm: Vm) -> FfaValue:
    """What the caller of an aborted vCPU is told."""
    if vm.partition.lifecycle_support:
        return ABORTED if m.chosen("stopped-busy", "ABORTED") else BUSY
    return BUSY if m.chosen("first-caller", "BUSY") else ABORTED


@source(SPMC_CPU_CYCLES_C)
def ffa_cpu_cycles_init_schedule_mode_ffa_run(m: Machine, current: Vcpu, vcpu: Vcpu) -> None:
    """Give the target of FFA_RUN its runtime model and scheduling mode, and mask interrupts."""
    if not m.is_spmc:
        return
    m.check(vcpu.scheduling_mode != SchedulingMode.SPMC_MODE, "src/ffa/spmc/cpu_cycles.c:450")  # L450
    if vcpu.state == VcpuState.WAITING:  # L453
        m.assert_(
            vcpu.rt_model in (RuntimeModel.SP_INIT, RuntimeModel.NONE),
            "src/ffa/spmc/cpu_cycles.c:455",
        )  # L454
        vcpu.rt_model = RuntimeModel.FFA_RUN  # L456
        if not m.is_current_world(current.vm.id) or current.scheduling_mode == SchedulingMode.NWD_MODE:  # L458
            vcpu.scheduling_mode = SchedulingMode.NWD_MODE  # L460
    else:
        m.check(
            vcpu.state in (VcpuState.PREEMPTED, VcpuState.BLOCKED),
            "src/ffa/spmc/cpu_cycles.c:465",
        )  # L464
    if not m.is_current_world(current.vm.id) and m.chosen(
        "run-gives-mode", "fixed", when=lambda: vcpu.scheduling_mode == SchedulingMode.NONE
    ):
        vcpu.scheduling_mode = SchedulingMode.NWD_MODE
    ffa_interrupts_mask(m, vcpu)  # L468
    if m.is_current_world(current.vm.id) and m.chosen(
        "run-hands-down-mask", "fixed", when=lambda: vcpu.call_chain_prev == NULL
    ):
        vcpu.prev_interrupt_priority = mask_to_restore(m, current)


@source(API_C)
def api_vcpu_prepare_run(m: Machine, current: Vcpu, vcpu: Vcpu, timer_expired: bool) -> tuple[bool, FfaValue]:
    """Make the vCPU RUNNING if its VM's state and its own allow it; the error if not."""
    need_vm_lock = (
        vcpu.state == VcpuState.WAITING
        or (m.chosen("H02", "after") and vcpu.state == VcpuState.CREATED)
        or (
            not vcpu.vm.partition.el0
            and vcpu.state in (VcpuState.BLOCKED_INTERRUPT, VcpuState.BLOCKED, VcpuState.PREEMPTED)
        )
    )  # L1238-1243
    if need_vm_lock:  # L1245
        m.unlock(vcpu)  # L1246
        m.unlock(current)  # L1247
        m.window("W3")
        m.lock(vcpu.vm)  # L1248
        m.lock_both(current, vcpu)  # L1251
    can_run, run_ret = prepare_run_locked(m, current, vcpu, need_vm_lock, timer_expired)
    if need_vm_lock:  # L1447
        m.unlock(vcpu.vm)  # L1448
    return can_run, run_ret


def is_running_elsewhere(vcpu: Vcpu) -> bool:
    """Whether the vCPU has CPU cycles, or its registers are yet to be saved."""
    return vcpu.state in (VcpuState.RUNNING, VcpuState.STARTING) or not vcpu.regs_available


def is_not_to_be_run(m: Machine, current: Vcpu, vcpu: Vcpu) -> bool:
    """`run-repeats-checks`: whether ffa_cpu_cycles_run_checks would deny the FFA_RUN by now."""
    to_be_run = (VcpuState.PREEMPTED, VcpuState.BLOCKED, VcpuState.ABORTED)
    if m.is_current_world(current.vm.id) and vcpu.state not in to_be_run:
        return True
    if (vcpu.call_chain_prev != NULL or vcpu.call_chain_next != NULL) and vcpu.cpu != current.cpu:
        return True
    return m.chosen("run-leaves-callees", "fixed", when=lambda: vcpu.call_chain_prev not in (NULL, current))


@source(API_C)
def prepare_run_locked(
    m: Machine, current: Vcpu, vcpu: Vcpu, need_vm_lock: bool, timer_expired: bool
) -> tuple[bool, FfaValue]:
    """The part of api_vcpu_prepare_run up to its `out` label."""
    if m.is_spmc and m.chosen("run-repeats-checks", "fixed", when=partial(is_not_to_be_run, m, current, vcpu)):
        return False, DENIED
    if m.chosen("H03", "after"):
        match vcpu.vm.state:  # L1256
            case VmState.NULL:  # L1259
                return False, INVALID_PARAMETERS  # L1260
            case VmState.CREATED:  # L1263
                if not ffa_is_vm_id(vcpu.vm.id) and not starts_created(m, vcpu):  # L1269
                    return False, BUSY  # L1272
            case VmState.ABORTING:  # L1275
                if m.chosen("aborting-marks-nobody", "fixed"):
                    return False, aborted_reply(m, vcpu.vm)
                if vcpu.state not in (VcpuState.NULL, VcpuState.STOPPED, VcpuState.ABORTED) and not m.chosen(
                    "run-marks-idle-only", "fixed", when=lambda: is_running_elsewhere(vcpu)
                ):  # L1276
                    vcpu.state = VcpuState.ABORTED  # L1281
    if is_running_elsewhere(vcpu):  # L1302
        return False, BUSY  # L1311
    if (
        m.chosen("H04", "before")
        and vcpu.vm.aborting
        and vcpu.state not in (VcpuState.NULL, VcpuState.STOPPED, VcpuState.ABORTED)
    ):
        vcpu.state = VcpuState.ABORTED
    ffa_run_ret = None
    match vcpu.state:  # L1316
        case VcpuState.ABORTED:  # L1317
            return False, aborted_reply(m, vcpu.vm)  # L1318
        case VcpuState.NULL:  # L1325
            return False, INVALID_PARAMETERS  # L1326
        case VcpuState.STOPPED:  # L1329
            return False, BUSY  # L1331
        case VcpuState.OFF:  # L1334
            return False, DENIED if m.chosen("off-target-nwd", "DENIED") else INVALID_PARAMETERS  # L1335
        case VcpuState.CREATED:  # L1338
            if not ffa_is_vm_id(vcpu.vm.id):  # L1344
                if starts_created(m, vcpu):
                    return start_created(m, current, vcpu)
                return False, BUSY  # L1358
            if (
                m.chosen("first-run-on-primary-cpu", "fixed")
                and not counts_as_first_context(m, current.cpu)
                and vcpu.vm.state == VmState.CREATED
            ):
                return False, BUSY
            m.assert_(vcpu.rt_model == RuntimeModel.SP_INIT, "src/api.c:1347")  # L1347
            vcpu.rt_model = RuntimeModel.NONE  # L1348
            m.check(vcpu_state_set(m, vcpu, VcpuState.STARTING), "src/api.c:1351")  # L1351
            if m.chosen("H05", "after") and (
                counts_as_first_context(m, current.cpu) or m.chosen("first-run-on-any-cpu", "fixed")
            ):  # L1345-1353
                vm_set_state(m, vcpu.vm, VmState.RUNNING)  # L1354
        case VcpuState.WAITING:  # L1362
            m.assert_(need_vm_lock, "src/api.c:1363")  # L1363
            ffa_run_ret = FfaValue(Func.RUN)  # L1370
        case VcpuState.BLOCKED_INTERRUPT:  # L1373
            if not vcpu_virt_interrupt_pending_and_enabled(m, vcpu) and not timer_expired:  # L1383-1395
                return False, FfaValue(Func.WAIT_FOR_INTERRUPT)  # L1404
        case VcpuState.BLOCKED | VcpuState.PREEMPTED:  # L1411-1414
            if m.chosen("preempted-is-reserved", "fixed", when=lambda: is_to_be_resumed(m, vcpu, current)):
                return False, BUSY
        case _:
            return False, DENIED  # L1426
    ffa_cpu_cycles_init_schedule_mode_ffa_run(m, current, vcpu)  # L1431
    vcpu.cpu = current.cpu  # L1435
    vcpu_set_running(m, vcpu, ffa_run_ret)  # L1437
    return True, INVALID_PARAMETERS  # L1444


def starts_created(m: Machine, vcpu: Vcpu) -> bool:
    """Whether FFA_RUN starts an SP's vCPU that is CREATED: in the C, the SPMC does."""
    return m.chosen("run-created", "starts", when=lambda: vcpu.state == VcpuState.CREATED)


def start_created(m: Machine, current: Vcpu, vcpu: Vcpu) -> tuple[bool, FfaValue]:
    """Let FFA_RUN start an SP's vCPU, as the boot chain does: not in the C."""
    if m.chosen("H05", "after") and counts_as_first_context(m, current.cpu):
        vm_set_state(m, vcpu.vm, VmState.RUNNING)
    vcpu.rt_model = RuntimeModel.SP_INIT
    vcpu.cpu = current.cpu
    m.check(vcpu_state_set(m, vcpu, VcpuState.STARTING), "src/api.c:1351")
    vcpu.regs_available = False
    return True, INVALID_PARAMETERS


@source(API_C)
def api_ffa_run(m: Machine, current: Vcpu, vm_id: int, vcpu_idx: int, timer_expired: bool = False) -> Reply:
    """FFA_RUN: give cycles to a vCPU.  `timer_expired`: of the target, should it wait for an interrupt."""
    m.lock(current)  # L1464
    allowed, ret, next_vcpu = ffa_cpu_cycles_run_checks(m, current, vm_id, vcpu_idx)  # L1465
    redirected = next_vcpu
    if redirected is not None and m.chosen("run-redirects-late", "fixed"):
        next_vcpu = None
    if not allowed:
        m.unlock(current)  # L1535
        return ret, next_vcpu
    if not m.is_current_world(vm_id):  # L1470
        m.unlock(current)
        return FfaValue(Func.ERROR, FfaError.NOT_SUPPORTED), next_vcpu
    vm = m.vm_find(vm_id)  # L1475
    if vm is None or vcpu_idx >= vm.vcpu_count:  # L1476-1481
        m.unlock(current)  # L1535
        return ret, next_vcpu
    vcpu = vm_get_vcpu(m, vm, vcpu_idx) if redirected is None else redirected  # L1490
    m.unlock(current)  # L1500
    m.window("W2")
    m.lock_both(current, vcpu)  # L1503
    transition_allowed, next_state = ffa_cpu_cycles_check_runtime_state_transition(
        m, current, current.vm.id, HF_INVALID_VM_ID, vcpu, Func.RUN
    )  # L1507
    if not transition_allowed:
        ret = DENIED  # L1510
    else:
        can_run, ret = api_vcpu_prepare_run(m, current, vcpu, timer_expired)  # L1514
        if can_run:
            next_vcpu = vcpu  # L1519
            m.assert_(
                not m.is_current_world(current.vm.id) or next_state == VcpuState.BLOCKED,
                "src/api.c:1521",
            )  # L1521
            m.check(vcpu_state_set(m, current, VcpuState.BLOCKED), "src/api.c:1523")  # L1523
            if redirected is not None and m.chosen("run-redirects-late", "fixed"):
                vcpu_secure_interrupt_complete(m, current)
            ret = INTERRUPT_RETURN  # L1529
    m.unlock(vcpu)  # L1532
    m.unlock(current)  # L1535
    return ret, next_vcpu
