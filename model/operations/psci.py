"""CPU power: cold and warm boot of a CPU (src/arch/aarch64/plat/psci, src/cpu.c)."""

from __future__ import annotations

from model.machine import Cpu, Machine, Vcpu, Vm
from model.operations.after_abort import vcpu_stays_aborted
from model.operations.cpu import cpu_off, cpu_on
from model.operations.cpu_cycles import needs_no_boot, next_to_boot
from model.operations.fixes import first_to_boot
from model.operations.switch import api_wake_up
from model.operations.vcpu import (
    vcpu_is_off,
    vcpu_prepare,
    vcpu_secondary_reset_and_start,
    vcpu_set_running,
    vcpu_state_set,
)
from model.operations.vm import (
    counts_as_first_context,
    vm_get_boot_vm,
    vm_get_boot_vm_secondary_core,
    vm_get_vcpu,
    vm_is_up,
    vm_set_state,
)
from model.source import source
from model.values import (
    PRIMARY_CPU_INDEX,
    FfaValue,
    Func,
    PsciStatus,
    Reply,
    RuntimeModel,
    VcpuState,
    VmState,
)

PSCI_SPMC_C = "src/arch/aarch64/plat/psci/spmc.c"


@source(PSCI_SPMC_C)
def plat_psci_switch_to_other_world(m: Machine, cpu: Cpu) -> Vcpu:
    """No SP to boot on this CPU: the normal world's vCPU runs."""
    other_world_vm = m.vm_by_id[m.other_world_id]  # L61
    other_world_vcpu = vm_get_vcpu(m, other_world_vm, cpu.index)  # L66
    m.lock(other_world_vcpu)  # L70
    m.deliver(other_world_vcpu, FfaValue(Func.MSG_WAIT))  # L77
    other_world_vcpu.state = VcpuState.WAITING  # L80
    m.unlock(other_world_vcpu)  # L81
    return other_world_vcpu  # L83


@source(PSCI_SPMC_C)
def plat_psci_get_boot_vm(m: Machine, cpu: Cpu) -> Vm | None:
    """The first SP to boot on this CPU, if any."""
    if cpu.index == PRIMARY_CPU_INDEX:  # L94
        return first_to_boot(m, vm_get_boot_vm(m), cpu.index)  # L95
    boot_vm = vm_get_boot_vm_secondary_core(m)  # L103
    if boot_vm is not None:  # L111
        m.assert_(not vm_is_up(m, boot_vm), f"{PSCI_SPMC_C}:112")  # L112
    return first_to_boot(m, boot_vm, cpu.index)  # L116


@source(PSCI_SPMC_C)
def plat_psci_cpu_resume(m: Machine, cpu: Cpu) -> Reply:
    """A CPU comes up: boot the first SP that needs it, or go to the normal world."""
    cpu_on(m, cpu)  # L125
    boot_vm = plat_psci_get_boot_vm(m, cpu)  # L132
    if boot_vm is not None and vcpu_stays_aborted(m, vm_get_vcpu(m, boot_vm, cpu.index)):
        while boot_vm is not None and needs_no_boot(m, boot_vm, cpu.index):
            boot_vm = next_to_boot(m, boot_vm, cpu.index)
    if boot_vm is None:  # L134
        if (
            m.chosen("boot-skips-aborting", "fixed")
            or m.chosen("boot-skips-booted", "fixed")
            or m.chosen("boot-skips-unloaded", "fixed")
        ):
            cpu.last_sp_initialized = True
        return None, plat_psci_switch_to_other_world(m, cpu)  # L135
    boot_vcpu = vm_get_vcpu(m, boot_vm, cpu.index)  # L139
    sets_vm_state = counts_as_first_context(m, cpu) and m.chosen("H09", "after")
    holds_vm_lock = sets_vm_state and m.chosen("boot-holds-vm-lock", "fixed")
    m.lock(boot_vcpu)  # L142
    if vm_is_up(m, boot_vm) and m.chosen("up-replug", "left-alone", when=lambda: not vcpu_is_off(m, boot_vcpu)):
        m.unlock(boot_vcpu)
        return None, plat_psci_switch_to_other_world(m, cpu)
    if boot_vcpu.state not in (VcpuState.CREATED, VcpuState.OFF) and m.chosen("resume-skips-booted", "fixed"):
        m.unlock(boot_vcpu)
        return None, plat_psci_switch_to_other_world(m, cpu)
    if holds_vm_lock:
        m.unlock(boot_vcpu)
        m.lock(boot_vm)
        m.lock(boot_vcpu)
    boot_vcpu.cpu = cpu  # L145
    vcpu_secondary_reset_and_start(m, boot_vcpu)  # L147
    m.check(vcpu_state_set(m, boot_vcpu, VcpuState.STARTING), f"{PSCI_SPMC_C}:151")  # L151
    boot_vcpu.regs_available = False  # L152
    boot_vcpu.rt_model = RuntimeModel.SP_INIT  # L155
    if sets_vm_state:  # L160
        if not holds_vm_lock:
            m.unlock(boot_vcpu)  # L163
            m.window("W8")
            m.lock(boot_vm)  # L164
            m.lock(boot_vcpu)  # L165
        vm_set_state(m, boot_vm, VmState.RUNNING)  # L166
        m.unlock(boot_vm)  # L167
    m.unlock(boot_vcpu)  # L176
    return None, boot_vcpu  # L178


@source("src/arch/aarch64/plat/psci/hypervisor.c")
def hypervisor_cpu_resume(m: Machine, cpu: Cpu) -> Reply:
    """plat_psci_cpu_resume of the hypervisor: the primary VM's vCPU of this CPU runs."""
    vcpu = vm_get_vcpu(m, vm_get_boot_vm(m), cpu.index)  # L66
    vcpu.cpu = cpu  # L67
    if m.chosen("primary-vm", "RUNNING"):
        m.lock(vcpu.vm)
        vm_set_state(m, vcpu.vm, VmState.RUNNING)
        m.unlock(vcpu.vm)
    if m.chosen("primary-runs-from-boot", "fixed"):
        m.lock(vcpu.vm)
        m.lock(vcpu)
        vm_set_state(m, vcpu.vm, VmState.RUNNING)
        vcpu_set_running(m, vcpu, None)
        m.unlock(vcpu)
        m.unlock(vcpu.vm)
    return None, vcpu  # L76


@source("src/arch/aarch64/hypervisor/psci_handler.c")
def psci_primary_cpu_on(m: Machine, current: Vcpu, target_index: int) -> Reply:
    """PSCI CPU_ON by the primary VM: prepare its vCPU of the CPU that is to come up."""
    if cpu_on(m, m.cpus[target_index]):  # L165
        return None, None
    target = vm_get_vcpu(m, current.vm, target_index)  # L170
    m.lock(target)  # L171
    vcpu_prepare(m, target)  # L172
    m.unlock(target)  # L173
    return None, None


@source("src/arch/aarch64/hypervisor/psci_handler.c")
def psci_primary_cpu_off(m: Machine, current: Vcpu) -> Reply:
    """PSCI CPU_OFF by the primary VM."""
    cpu_off(m, current.cpu)  # L153
    return FfaValue(Func.SUCCESS, status=PsciStatus.SUCCESS), None


@source("src/arch/aarch64/hypervisor/psci_handler.c")
def psci_secondary_cpu_on(m: Machine, current: Vcpu, target_index: int) -> Reply:
    """PSCI CPU_ON by a secondary VM: prepare one of its own vCPUs and tell the scheduler."""
    target = vm_get_vcpu(m, current.vm, target_index)  # L324
    m.lock(target)  # L325
    vcpu_was_off = vcpu_secondary_reset_and_start(m, target)  # L326
    m.unlock(target)  # L328
    if vcpu_was_off:  # L330
        return api_wake_up(m, current)  # L335
    return None, None
