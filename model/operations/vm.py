"""VM state, vCPU look-up and the boot list (src/vm.c)."""

from __future__ import annotations

from model.machine import Cpu, Machine, Vcpu, Vm
from model.operations.cpu import cpu_index
from model.source import source
from model.values import PRIMARY_CPU_INDEX, VcpuState, VmState

VM_C = "src/vm.c"


@source(VM_C)
def vm_set_state(m: Machine, vm: Vm, to_state: VmState) -> bool:
    """Take a legal VM transition; False, and no change, for any other.  The caller holds the VM lock."""
    from_state = vm.state  # L1317
    if to_state == from_state:  # L1319
        return True  # L1320
    ret = False
    match from_state:
        case VmState.NULL:  # L1324
            ret = to_state == VmState.CREATED  # L1325
        case VmState.CREATED:  # L1329
            ret = to_state in (VmState.RUNNING, VmState.ABORTING)  # L1330
            if to_state == VmState.ABORTING and m.chosen("created-abort", "illegal"):
                ret = False
        case VmState.RUNNING:  # L1335
            ret = to_state == VmState.ABORTING  # L1336
        case VmState.ABORTING:  # L1340
            ret = to_state in (VmState.NULL, VmState.CREATED)  # L1341
    if ret:
        vm.state = to_state  # L1351
        if m.keeps_flag and m.keeps_state and to_state == VmState.ABORTING:
            vm.aborting = True
    else:
        m.labels.refused.append(f"vm {vm.key} to {to_state.value}")  # L1354
    return ret


def counts_as_first_context(m: Machine, cpu: Cpu) -> bool:
    """Whether a vCPU's first cycles on this CPU make its VM RUNNING: in the C, on the primary CPU only."""
    return cpu_index(m, cpu) == PRIMARY_CPU_INDEX or m.chosen("first-context", "any-cpu")


@source(VM_C)
def vm_set_aborting_flag(m: Machine, vm: Vm) -> None:
    """Before the patch: set the flag.  Where a hunk of the patch looks at the state, that says the same."""
    vm.aborting = True
    if m.keeps_state:
        vm.state = VmState.ABORTING


@source(VM_C)
def vm_is_aborting(m: Machine, vm: Vm) -> bool:
    """Whether the VM is being aborted: its state says so (vm_read_state), before the patch a flag."""
    if m.chosen("H14", "before"):
        return bool(vm.aborting)
    return vm.state == VmState.ABORTING  # L1271


@source(VM_C)
def vm_get_vcpu(m: Machine, vm: Vm, vcpu_index: int) -> Vcpu:
    """The vCPU with an index; CHECKs that there is one."""
    m.check(vcpu_index < vm.vcpu_count, "src/vm.c:257")  # L257
    return vm.vcpus[vcpu_index]  # L258


@source(VM_C)
def vm_is_up(m: Machine, vm: Vm) -> bool:
    """Whether the VM is uniprocessor (inc/hf/vm.h)."""
    return vm.vcpu_count == 1


@source(VM_C)
def vm_get_boot_vm(m: Machine) -> Vm:
    """The first VM of the boot list."""
    return m.boot_list[0]  # L1180


@source(VM_C)
def vm_get_boot_vm_secondary_core(m: Machine) -> Vm | None:
    """The first multiprocessor VM of the boot list; None if every one is uniprocessor."""
    vm = vm_get_boot_vm(m)  # L1190
    if vm_is_up(m, vm) or vm_leave_out(m, vm):  # L1192
        return vm_get_next_boot_secondary_core(m, vm)  # L1193
    return vm  # L1196


@source(VM_C)
def vm_get_next_boot(m: Machine, vm: Vm) -> Vm | None:
    """The next VM of the boot list.  A VM outside the list is its own successor: its list node is a ring of one."""
    if vm not in m.boot_list:
        return vm
    position = m.boot_list.index(vm)
    return None if position == len(m.boot_list) - 1 else m.boot_list[position + 1]  # L1204


@source(VM_C)
def vm_get_next_boot_secondary_core(m: Machine, vm: Vm) -> Vm | None:
    """The next multiprocessor VM of the boot list."""
    vm_next = vm_get_next_boot(m, vm)  # L1220
    while vm_next is not None and (vm_is_up(m, vm_next) or vm_leave_out(m, vm_next)):  # L1223
        vm_next = vm_get_next_boot(m, vm_next)  # L1224
    return vm_next  # L1227


def vm_leave_out(m: Machine, vm: Vm) -> bool:
    """Leave a VM that is being aborted out of this CPU's boot chain, its vCPU ABORTED; whether it is.  Not in the C."""
    if not m.chosen("init-failed-secondary", "left-out", when=lambda: vm_is_aborting(m, vm)):
        return False
    vcpu = vm.vcpus[m.cpu.index]
    vcpu.cpu = m.cpu
    vcpu.state = VcpuState.ABORTED
    return True
