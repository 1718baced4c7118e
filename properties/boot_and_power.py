"""Boot order and power: which vCPUs are OFF, and when a CPU has booted all that it should."""

from __future__ import annotations

from model.machine import Cpu, Machine
from model.values import PRIMARY_CPU_INDEX, PowerOperation, VcpuState, VmState
from properties.language import each_mp_sp_vcpu
from properties.scopes import each_cpu_with_mp_sps, each_sp
from properties.statements import always, recoverable, refinement
from properties.vocabulary import NO_RUN_BY_SPS, WELL_BEHAVED_SPS, mp_sp_vcpus, own_cpu, was_booted

CPU_OFF = "src/ffa/spmc/direct_messaging.c:psci_cpu_off_success_fwk_resp"
CPU_ON = "src/arch/aarch64/plat/psci/spmc.c:plat_psci_cpu_resume"
BOOT_NEXT = "src/ffa/spmc/cpu_cycles.c:sp_boot_next"


def _is_powering_off(m: Machine, cpu: Cpu) -> bool:
    """Whether some SP has been asked to prepare for the CPU's power-off."""
    return any(bool(vcpu.pwr_mgmt_op == PowerOperation.CPU_OFF) for vcpu in mp_sp_vcpus(m, cpu))


P38 = always(
    "P38",
    "While a CPU is off, the vCPUs pinned to it are OFF",
    "The state of a vCPU that cannot run says so. (An SP vCPU is CREATED until its CPU comes up for the first time.)",
    over=each_mp_sp_vcpu,
    when=lambda m, vcpu: not own_cpu(m, vcpu).is_on,
    then=lambda m, vcpu: vcpu.state == VcpuState.OFF,
    sources=(CPU_OFF, "src/cpu.c:cpu_off", "src/load.c:load_secondary"),
)
P38_R1 = always(
    "P38.r1",
    "While a CPU is off, the vCPUs pinned to it are OFF or CREATED, where SPs do not call FFA_RUN",
    "As P38, allowing for vCPUs that have never had CPU cycles, as long as no uniprocessor SP calls FFA_RUN on "
    "another CPU, which marks an OFF vCPU ABORTED when its VM is ABORTING.",
    over=each_mp_sp_vcpu,
    when=P38.antecedent,
    then=lambda m, vcpu: vcpu.state in (VcpuState.OFF, VcpuState.CREATED),
    sources=P38.sources,
    assuming=NO_RUN_BY_SPS,
    refines="P38",
)

P39 = always(
    "P39",
    "A vCPU is OFF only while its CPU is off",
    "Once a CPU has been powered on, the vCPUs pinned to it are to be booted; one that stays OFF is unreachable.",
    over=each_mp_sp_vcpu,
    when=lambda m, vcpu: vcpu.state == VcpuState.OFF,
    then=lambda m, vcpu: not own_cpu(m, vcpu).is_on,
    sources=(CPU_ON, CPU_OFF, BOOT_NEXT),
)
P39_R1 = always(
    "P39.r1",
    "Once a CPU has booted its last SP, no vCPU pinned to it is OFF until it powers off",
    "As P39, where the boot chain of the CPU has reached its end and no CPU_OFF is under way, as long as no SP calls "
    "FFA_RUN.",
    over=each_mp_sp_vcpu,
    when=lambda m, vcpu: own_cpu(m, vcpu).last_sp_initialized and not _is_powering_off(m, own_cpu(m, vcpu)),
    then=lambda m, vcpu: vcpu.state != VcpuState.OFF,
    sources=P39.sources,
    assuming=NO_RUN_BY_SPS,
    refines="P39",
)

P40A = always(
    "P40a",
    "last_sp_initialized is set only when every multiprocessor SP was booted on the CPU",
    "When the flag of a CPU is set, each vCPU pinned to it has been started in this power cycle.",
    over=each_mp_sp_vcpu,
    when=lambda m, vcpu: own_cpu(m, vcpu).last_sp_initialized,
    then=lambda m, vcpu: vcpu.state not in (VcpuState.CREATED, VcpuState.OFF),
    sources=(BOOT_NEXT, "src/cpu.c:cpu_off"),
)
P40A_R1 = refinement(
    P40A,
    "P40a.r1",
    "last_sp_initialized is set only when every multiprocessor SP was booted, until CPU_OFF begins",
    "As P40a, as long as no SP has been asked to prepare for the CPU's power-off, and no SP calls FFA_RUN.",
    where=lambda m, vcpu: not _is_powering_off(m, own_cpu(m, vcpu)),
    assuming=NO_RUN_BY_SPS,
)

P40B = always(
    "P40b",
    "last_sp_initialized is set once every multiprocessor SP was booted on the CPU",
    "When a CPU is on and each vCPU pinned to it has left its initialisation, the flag is set. (The converse of P40a.)",
    over=each_cpu_with_mp_sps,
    when=lambda m, cpu: cpu.is_on and all(was_booted(vcpu) for vcpu in mp_sp_vcpus(m, cpu)),
    then=lambda m, cpu: cpu.last_sp_initialized,
    sources=(BOOT_NEXT, CPU_ON),
)

P40B_R1 = refinement(
    P40B,
    "P40b.r1",
    "On secondary CPUs, last_sp_initialized is set once every multiprocessor SP was booted, where SPs do not call "
    "FFA_RUN",
    "As P40b, but for CPU 0, which also boots the uniprocessor SPs, and as long as no SP has been asked to prepare "
    "for the CPU's power-off.",
    where=lambda m, cpu: cpu.index != PRIMARY_CPU_INDEX and not _is_powering_off(m, cpu),
    assuming=NO_RUN_BY_SPS,
)

P41 = recoverable(
    "P41",
    "Every SP gets CPU cycles at boot",
    "From every state in which an SP is loaded and not started, it can still be started by CPU 0. FFA_ABORT during "
    "the initialisation of an earlier SP goes straight to the normal world instead of to the next SP.",
    over=each_sp,
    when=lambda m, vm: vm.state == VmState.CREATED,
    can_become=lambda m, vm: vm.vcpus[0].state not in (VcpuState.CREATED, VcpuState.OFF),
    sources=(BOOT_NEXT, "src/ffa/spmc/cpu_cycles.c:ffa_cpu_cycles_abort"),
)
P41_R1 = refinement(
    P41,
    "P41.r1",
    "Every SP gets CPU cycles at boot, where SPs are well-behaved",
    "As P41, as long as no SP aborts or reports an error.",
    assuming=WELL_BEHAVED_SPS,
)
