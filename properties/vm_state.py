"""The state of a VM: its own transitions, and what it says of the VM's vCPUs."""

from __future__ import annotations

from model.machine import Vm
from model.values import PRIMARY_CPU_INDEX, VcpuState, VmState, World
from properties.language import StepLabel, at_rest, each_partition_vcpu, each_up_sp_vcpu, each_vm
from properties.scopes import each_sp, each_sp_or_secondary_vm, every_vm
from properties.statements import BOTH_WORLDS, always, never, recoverable, refinement, step
from properties.vocabulary import (
    CPU_RESUME,
    FFA_ERROR,
    ONE_CPU_NORMAL_WORLD,
    WELL_BEHAVED_SPS,
    acts,
    unchanged,
)

VM_TRANSITIONS = (
    (VmState.NULL, VmState.CREATED),
    (VmState.CREATED, VmState.RUNNING),
    (VmState.RUNNING, VmState.ABORTING),
    (VmState.CREATED, VmState.ABORTING),
)

P06 = step(
    "P06",
    "VM ABORTING is final",
    "Once a VM is ABORTING it stays so. Everything that refuses to run an aborted partition relies on the state "
    "not being lifted behind its back.",
    over=each_sp,
    when=lambda label, before, after, old, new: old.state == VmState.ABORTING,
    then=lambda label, before, after, old, new: new.state == VmState.ABORTING,
    sources=("src/vm.c:vm_set_state", "src/arch/aarch64/hypervisor/handler.c:ffa_partition_abort"),
)

P11 = step(
    "P11",
    "A VM becomes RUNNING on the primary CPU only",
    "The step that moves a VM to RUNNING is taken by CPU 0. Where vCPUs are started on other CPUs, the VM state "
    "must have been set before, or stays behind.",
    over=each_vm,
    when=lambda label, before, after, old, new: not unchanged(old, new, "state") and new.state == VmState.RUNNING,
    then=lambda label, before, after, old, new: label.action.cpu == PRIMARY_CPU_INDEX,
    sources=(
        "src/arch/aarch64/plat/psci/spmc.c:plat_psci_cpu_resume",
        "src/ffa/spmc/cpu_cycles.c:sp_boot_next",
        "src/api.c:api_vcpu_prepare_run",
    ),
    worlds=BOTH_WORLDS,
)

P12 = step(
    "P12",
    "A VM goes NULL, CREATED, RUNNING, ABORTING, or from CREATED to ABORTING",
    "These are the only changes of a VM's state that one step makes. The table of vm_set_state also lets a VM leave "
    "ABORTING, but nothing at this commit does.",
    over=each_vm,
    when=lambda label, before, after, old, new: not unchanged(old, new, "state"),
    then=lambda label, before, after, old, new: any(
        bool(new.state == target) and bool(old.state == origin) for origin, target in VM_TRANSITIONS
    ),
    sources=("src/vm.c:vm_set_state",),
    worlds=BOTH_WORLDS,
)


def _is_refused(label: StepLabel, vm: Vm) -> bool:
    return any(refusal.startswith(f"vm {vm.key} to ") for refusal in label.refused)


P13 = never(
    "P13",
    "No change of a VM's state is refused",
    "Every call of vm_set_state succeeds. Three of its callers ignore the result: after a refusal they go on as if "
    "the VM were RUNNING.",
    over=every_vm,
    when=lambda label, before, after, old, new: _is_refused(label, old) or not unchanged(old, new, "state"),
    happens=lambda label, before, after, old, new: _is_refused(label, old),
    sources=(
        "src/vm.c:vm_set_state",
        "src/arch/aarch64/plat/psci/spmc.c:plat_psci_cpu_resume",
        "src/ffa/spmc/cpu_cycles.c:sp_boot_next",
        "src/api.c:api_vcpu_prepare_run",
    ),
    worlds=BOTH_WORLDS,
)
P13_R1 = refinement(
    P13,
    "P13.r1",
    "Refused are only FFA_ERROR of the normal world and the reboot of CPU 0 into an ABORTING VM",
    "As P13, but for two calls: FFA_ERROR, when the normal world makes it, and CPU 0's coming up again after its "
    "first SP has aborted.",
    where=lambda label, before, after, old, new: (
        label.action.operation not in (FFA_ERROR, CPU_RESUME) or old.state == VmState.RUNNING
    ),
)

P14 = always(
    "P14",
    "At rest, a vCPU with CPU cycles belongs to a VM that is RUNNING or ABORTING",
    "A vCPU that is RUNNING or STARTING while its VM is still CREATED (or NULL) is invisible to code that decides by "
    "the VM's state: requests to it get BUSY for ever.",
    over=each_partition_vcpu,
    when=lambda m, vcpu: acts(vcpu) and at_rest(m),
    then=lambda m, vcpu: vcpu.vm.state in (VmState.RUNNING, VmState.ABORTING),
    sources=(
        "src/arch/aarch64/plat/psci/spmc.c:plat_psci_cpu_resume",
        "src/ffa/spmc/cpu_cycles.c:sp_boot_next",
        "src/api.c:api_vcpu_prepare_run",
    ),
    worlds=BOTH_WORLDS,
)
P14_R1 = refinement(
    P14,
    "P14.r1",
    "At rest, a uniprocessor SP's vCPU with CPU cycles belongs to a VM that is RUNNING or ABORTING",
    "As P14, for uniprocessor SPs: only the boot chain of CPU 0 starts them, and it sets the VM's state with them.",
    over=each_up_sp_vcpu,
)
P14_R2 = refinement(
    P14,
    "P14.r2",
    "With one CPU, a vCPU with CPU cycles belongs to a VM that is RUNNING or ABORTING",
    "As P14, as long as the normal world keeps to CPU 0: the gap is the first run of a vCPU on another CPU.",
    assuming=ONE_CPU_NORMAL_WORLD,
)

P15 = always(
    "P15",
    "While a VM is CREATED, all its vCPUs are",
    "CREATED means that no vCPU of the VM has had CPU cycles. A vCPU that is ahead of its VM was started without "
    "the VM's state being set.",
    over=each_vm,
    when=lambda m, vm: vm.state == VmState.CREATED,
    then=lambda m, vm: all(bool(vcpu.state == VcpuState.CREATED) for vcpu in vm.vcpus),
    sources=("inc/hf/vm.h:vm_state", "src/arch/aarch64/plat/psci/spmc.c:plat_psci_cpu_resume"),
    worlds=BOTH_WORLDS,
)
P15_R1 = refinement(
    P15,
    "P15.r1",
    "With well-behaved SPs, all vCPUs of an SP that is CREATED are, at rest",
    "As P15, for SPs, between operations, as long as no SP aborts: an abort during initialisation stops the boot "
    "chain and leaves later SPs CREATED when their vCPUs on other CPUs start.",
    over=each_sp,
    where=lambda m, vm: at_rest(m),
    assuming=WELL_BEHAVED_SPS,
)

P15_R2 = refinement(
    P15,
    "P15.r2",
    "With one CPU, all vCPUs of an SP or secondary VM that is CREATED are, at rest",
    "As P15, but for the hypervisor's primary VM, which stays CREATED, as long as the normal world keeps to CPU 0.",
    over=each_sp_or_secondary_vm,
    where=lambda m, vm: at_rest(m),
    assuming=ONE_CPU_NORMAL_WORLD,
)

P16 = always(
    "P16",
    "A RUNNING VM has a vCPU that has left CREATED",
    "RUNNING means that at least one vCPU has been given CPU cycles.",
    over=each_vm,
    when=lambda m, vm: vm.state == VmState.RUNNING,
    then=lambda m, vm: any(bool(vcpu.state != VcpuState.CREATED) for vcpu in vm.vcpus),
    sources=("inc/hf/vm.h:vm_state", "src/ffa/spmc/cpu_cycles.c:sp_boot_next"),
    worlds=BOTH_WORLDS,
)
P16_R1 = refinement(
    P16,
    "P16.r1",
    "At rest, a RUNNING VM has a vCPU that has left CREATED",
    "As P16, between operations: sp_boot_next sets the VM RUNNING and releases its lock before it starts the vCPU.",
    where=lambda m, vm: at_rest(m),
)

P17 = recoverable(
    "P17",
    "A VM that has run can get out of CREATED",
    "Once a vCPU of a VM has had CPU cycles, the VM can still become RUNNING (or ABORTING). Otherwise everyone who "
    "asks for it is told BUSY for ever.",
    over=each_vm,
    when=lambda m, vm: any(vcpu.state not in (VcpuState.CREATED, VcpuState.NULL) for vcpu in vm.vcpus),
    can_become=lambda m, vm: vm.state != VmState.CREATED,
    sources=("src/api.c:api_vcpu_prepare_run", "src/load.c:load_primary"),
    worlds=BOTH_WORLDS,
)
P17_R1 = refinement(
    P17,
    "P17.r1",
    "With one CPU, a secondary VM that has run can get out of CREATED",
    "As P17, for the hypervisor build, but for its primary VM, which nothing ever sets RUNNING, and as long as no "
    "vCPU is run for the first time on another CPU than 0.",
    over=each_sp_or_secondary_vm,
    assuming=ONE_CPU_NORMAL_WORLD,
    worlds=(World.HYPERVISOR,),
)

P42 = recoverable(
    "P42",
    "An ABORTING VM can come to rest",
    "From every state with an ABORTING VM, one can be reached in which none of its vCPUs has CPU cycles.",
    over=each_sp,
    when=lambda m, vm: vm.state == VmState.ABORTING,
    can_become=lambda m, vm: not any(acts(vcpu) for vcpu in vm.vcpus) and at_rest(m),
    sources=("src/arch/aarch64/hypervisor/handler.c:ffa_partition_abort", "src/ffa/spmc/cpu_cycles.c:sp_boot_next"),
)
