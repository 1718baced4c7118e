"""Whose interrupt it is (src/ffa/spmc/interrupts.c, src/hf_ipi.c, src/timer_mgmt.c).

Armed timers and pending IPIs are not modelled: their target is the vCPU that has the virtual interrupt enabled.
"""

from __future__ import annotations

from model.machine import Machine, Vcpu
from model.operations.switch import api_ffa_get_vm_vcpu
from model.source import source
from model.values import (
    ARM_SEL2_TIMER_PHYS_INT,
    HF_IPI_INTID,
    HF_VIRTUAL_TIMER_INTID,
    SPURIOUS_INTID,
    VcpuState,
)

INTERRUPTS_C = "src/ffa/spmc/interrupts.c"


@source(INTERRUPTS_C)
def ffa_interrupts_find_target_vcpu(m: Machine, current: Vcpu, intid: int) -> tuple[Vcpu | None, int]:
    """The vCPU that is to handle a physical interrupt, and the virtual interrupt it gets."""
    match intid:
        case _ if intid == SPURIOUS_INTID:  # L79
            return None, intid  # L85
        case _ if intid == HF_IPI_INTID:  # L87
            return first_vcpu_with_enabled(m, intid), intid  # L92
        case _ if intid == ARM_SEL2_TIMER_PHYS_INT:  # L94
            return timer_find_target_vcpu(m, current), HF_VIRTUAL_TIMER_INTID  # L97-100
    target = ffa_interrupts_find_target_vcpu_secure_interrupt(m, current, intid)  # L113
    m.check(target is not None, "src/ffa/spmc/interrupts.c:117")  # L117
    return target, intid


@source(INTERRUPTS_C)
def ffa_interrupts_find_target_vcpu_secure_interrupt(m: Machine, current: Vcpu, intid: int) -> Vcpu | None:
    """This CPU's vCPU of the partition that owns a device interrupt."""
    for vm in m.vms:  # L44-45
        if intid in vm.partition.interrupts:  # L58
            return api_ffa_get_vm_vcpu(m, vm, current)  # L59
    return None  # L64


@source("src/timer_mgmt.c")
def timer_find_target_vcpu(m: Machine, current: Vcpu) -> Vcpu | None:
    """The vCPU whose virtual timer expired: current itself, or from the normal world the one that was waiting."""
    if current.vm.id == m.other_world_id:  # L148
        return first_vcpu_with_enabled(m, HF_VIRTUAL_TIMER_INTID)  # L149
    return current  # L164


def first_vcpu_with_enabled(m: Machine, intid: int) -> Vcpu | None:
    """The first SP vCPU that has a virtual interrupt enabled."""
    for vm in m.boot_list:
        for vcpu in vm.vcpus:
            if intid in vcpu.vint_enabled:
                return vcpu
    return None


@source("src/hf_ipi.c")
def hf_ipi_handle(m: Machine, target: Vcpu) -> bool:
    """Whether nothing is left to do for an IPI: the scheduler is told of a WAITING target (by an SRI)."""
    return target.state not in (VcpuState.RUNNING, VcpuState.BLOCKED, VcpuState.PREEMPTED)
