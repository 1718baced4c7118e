"""PSCI CPU_OFF as framework messages between SPMD, SPMC and SPs (src/ffa/spmc/direct_messaging.c)."""

from __future__ import annotations

from model.machine import Cpu, Machine, Vcpu, Vm
from model.operations.after_abort import vcpu_stays_aborted
from model.operations.cpu import cpu_index, cpu_off
from model.operations.fixes import reset_vcpu_turned_off
from model.operations.switch import api_switch_to_vm
from model.operations.vcpu import (
    vcpu_dir_req_reset_state,
    vcpu_dir_req_set_state,
    vcpu_state_set,
)
from model.operations.vm import vm_get_boot_vm, vm_get_next_boot, vm_get_vcpu, vm_is_up
from model.source import source
from model.values import (
    HF_SPMC_VM_ID,
    HF_SPMD_VM_ID,
    INTERRUPT_RETURN,
    DirectMessage,
    FfaError,
    FfaValue,
    Framework,
    Func,
    PowerOperation,
    PriorityMask,
    PsciStatus,
    Reply,
    RuntimeModel,
    SchedulingMode,
    VcpuState,
    VmState,
    ffa_error,
)

DIRECT_MESSAGING_C = "src/ffa/spmc/direct_messaging.c"


@source(DIRECT_MESSAGING_C)
def build_psci_off_frmk_msg(m: Machine, target: Vcpu) -> None:
    """Send the CPU_OFF framework message to an SP's vCPU."""
    m.lock(target)  # L338
    args = DirectMessage(Func.DIRECT_REQ, HF_SPMC_VM_ID, target.vm.id, Framework.PSCI_CPU_OFF)
    vcpu_dir_req_set_state(m, target, False, args)  # L339
    target.pwr_mgmt_op = PowerOperation.CPU_OFF  # L340
    target.scheduling_mode = SchedulingMode.SPMC_MODE  # L346
    target.rt_model = RuntimeModel.FFA_DIR_REQ  # L347
    m.unlock(target)  # L349


@source(DIRECT_MESSAGING_C)
def find_next_vcpu_to_inform(m: Machine, next_vm: Vm, cpu: Cpu) -> Vcpu | None:
    """The next subscribed vCPU of this CPU in state WAITING; failing that, the last subscribed one examined."""
    vm: Vm | None = next_vm  # L359
    vcpu = None  # L360
    while vm is not None:  # L362
        if not vm_is_up(m, vm) and vm.partition.cpu_off_subscribed:  # L367
            vcpu = vm_get_vcpu(m, vm, cpu_index(m, cpu))  # L369
            if vcpu.state == VcpuState.WAITING and not (
                m.chosen("cpu-off-asks-the-ready", "fixed")
                and (vm.state == VmState.ABORTING or not vcpu.regs_available)
            ):  # L374
                break  # L379
            if m.chosen("off-not-waiting", "skipped"):
                vcpu = None
            if m.chosen("cpu-off-asks-the-ready", "fixed"):
                vcpu = None
        vm = vm_get_next_boot(m, vm)  # L382
    return vcpu  # L385


@source(DIRECT_MESSAGING_C)
def psci_cpu_off_success_fwk_resp(m: Machine, cpu: Cpu) -> FfaValue:
    """Mark every vCPU pinned to this CPU as OFF, whatever its state, and the CPU as off."""
    for vm in m.loaded_vms:  # L396
        if not vm_is_up(m, vm):  # L399
            vcpu = vm_get_vcpu(m, vm, cpu_index(m, cpu))
            if not vcpu_stays_aborted(m, vcpu):
                vcpu.state = VcpuState.OFF  # L403-404
            if m.chosen("off-resets-vcpu", "fixed"):
                reset_vcpu_turned_off(m, vcpu)
    cpu_off(m, cpu)  # L414
    return FfaValue(Func.DIRECT_RESP, status=PsciStatus.SUCCESS)  # L416


@source(DIRECT_MESSAGING_C)
def ffa_direct_msg_handle_framework_msg(m: Machine, current: Vcpu, args: DirectMessage) -> Reply:
    """A framework message from the SPMD: PSCI CPU_OFF of this CPU."""
    if not (
        args.sender == HF_SPMD_VM_ID and args.receiver == HF_SPMC_VM_ID and current.vm.id == m.other_world_id
    ):  # L499
        return ffa_error(FfaError.INVALID_PARAMETERS), None
    target = find_next_vcpu_to_inform(m, vm_get_boot_vm(m), current.cpu)  # L436
    if target is not None and m.chosen("cpu-off-saves-mask", "fixed"):
        target.prev_interrupt_priority = m.cpu.priority_mask
    m.cpu.priority_mask = PriorityMask.ALL_MASKED  # L445
    if target is not None:  # L447
        build_psci_off_frmk_msg(m, target)  # L448
        return INTERRUPT_RETURN, target  # L454-457
    return psci_cpu_off_success_fwk_resp(m, current.cpu), None  # L465


@source(DIRECT_MESSAGING_C)
def handle_sp_cpu_off_framework_resp(m: Machine, current: Vcpu, args: DirectMessage) -> Reply:
    """An SP has answered CPU_OFF: ask the next one, or tell the SPMD how it ended."""
    if args.status != PsciStatus.SUCCESS:  # L607
        denied = FfaValue(Func.DIRECT_RESP, status=PsciStatus.DENIED)  # L608
        if m.chosen("off-refused", "stays-on"):
            return INTERRUPT_RETURN, keep_cpu_on(m, current, denied)
        next_vcpu = api_switch_to_vm(m, current, denied, VcpuState.OFF, m.other_world_id)  # L612
        return INTERRUPT_RETURN, next_vcpu  # L618
    current.pwr_mgmt_op = PowerOperation.NONE  # L625
    vcpu_dir_req_reset_state(m, current)  # L626
    m.check(vcpu_state_set(m, current, state_after_agreeing(m, current)), f"{DIRECT_MESSAGING_C}:629")  # L629
    next_vm = vm_get_next_boot(m, current.vm)  # L637
    if next_vm is not None:  # L639
        target = find_next_vcpu_to_inform(m, next_vm, current.cpu)  # L642
        if target is not None:  # L643
            if m.chosen("cpu-off-saves-mask", "fixed"):
                target.prev_interrupt_priority = current.prev_interrupt_priority
            build_psci_off_frmk_msg(m, target)  # L644
            return INTERRUPT_RETURN, target  # L650-652
    ffa_ret = psci_cpu_off_success_fwk_resp(m, current.cpu)  # L661
    next_vcpu = api_switch_to_vm(m, current, ffa_ret, VcpuState.OFF, m.other_world_id)  # L667
    return INTERRUPT_RETURN, next_vcpu  # L671


def state_after_agreeing(m: Machine, current: Vcpu) -> VcpuState:
    """The state of a vCPU whose SP agreed to CPU_OFF until its CPU is off: in the C, OFF."""
    waits = m.chosen("off-when-all-agree", "fixed", when=lambda: current.state == VcpuState.RUNNING)
    return VcpuState.WAITING if waits else VcpuState.OFF


def keep_cpu_on(m: Machine, current: Vcpu, denied: FfaValue) -> Vcpu:
    """The CPU stays on, because current refused CPU_OFF: it waits, and so does who agreed.  Not in the C."""
    current.pwr_mgmt_op = PowerOperation.NONE
    vcpu_dir_req_reset_state(m, current)
    for vm in m.boot_list[: m.boot_list.index(current.vm)]:
        if not vm_is_up(m, vm) and vm.partition.cpu_off_subscribed:
            vcpu = vm_get_vcpu(m, vm, cpu_index(m, current.cpu))
            if vcpu.state == VcpuState.OFF and vcpu.rt_model == RuntimeModel.NONE:
                vcpu.state = VcpuState.WAITING
    m.cpu.priority_mask = PriorityMask.OPEN
    return api_switch_to_vm(m, current, denied, VcpuState.WAITING, m.other_world_id)


@source(DIRECT_MESSAGING_C)
def ffa_direct_msg_handle_framework_msg_resp(m: Machine, current: Vcpu, args: DirectMessage) -> Reply:
    """A framework response from an SP: only one to CPU_OFF is expected."""
    if current.pwr_mgmt_op == PowerOperation.CPU_OFF:  # L684
        return handle_sp_cpu_off_framework_resp(m, current, args)  # L686
    return ffa_error(FfaError.INVALID_PARAMETERS), None  # L700
