"""Loading the partitions at boot (src/load.c)."""

from __future__ import annotations

from model.machine import Machine, Vm
from model.operations.vcpu import vcpu_prepare, vcpu_secondary_reset_and_start
from model.operations.vm import vm_get_vcpu, vm_set_state
from model.source import source
from model.topology import PartitionKind
from model.values import PriorityMask, VcpuState, VmState, ffa_is_vm_id

LOAD_C = "src/load.c"


@source(LOAD_C)
def load_primary(m: Machine, vm: Vm) -> None:
    """Load the primary VM (hypervisor build)."""
    m.lock(vm)
    vcpu = vm_get_vcpu(m, vm, 0)  # L419
    m.lock(vcpu)  # L419
    vcpu_prepare(m, vcpu)  # L420
    m.unlock(vcpu)  # L421
    if m.chosen("H15", "after"):
        m.check(vm_set_state(m, vm, VmState.CREATED), "src/load.c:423")  # L423
    m.unlock(vm)  # L426


@source(LOAD_C)
def load_secondary(m: Machine, vm: Vm, succeeds: bool) -> None:
    """Load a secondary VM or SP.  When it fails late, the VM stays NULL, but in the boot list."""
    m.lock(vm)
    if succeeds:
        vcpu = vm_get_vcpu(m, vm, 0)  # L820
        m.lock(vcpu)  # L822
        vcpu_secondary_reset_and_start(m, vcpu)  # L825-834
        if m.chosen("saved-mask-starts-open", "fixed"):
            for each in vm.vcpus:
                each.prev_interrupt_priority = PriorityMask.OPEN
        if not ffa_is_vm_id(vm.id) and m.chosen("never-on", "OFF"):
            for secondary in vm.vcpus[1:]:
                secondary.state = VcpuState.OFF
        m.unlock(vcpu)  # L837
        if m.chosen("H16", "after"):
            m.check(vm_set_state(m, vm, VmState.CREATED), "src/load.c:857")  # L857
    m.unlock(vm)  # L860


@source(LOAD_C)
def load_vms(m: Machine, failing: Vm | None = None) -> None:
    """Load every partition; one of them may fail, the rest is loaded all the same."""
    for vm in m.vms:
        if vm.partition.kind is PartitionKind.PRIMARY:
            load_primary(m, vm)  # L985
        elif vm.partition.kind is not PartitionKind.OTHER_WORLD:
            load_secondary(m, vm, vm is not failing)  # L1046
