"""The interplay of the fields: state, registers, runtime models, call chains, power."""

from __future__ import annotations

from model.machine import NULL
from model.values import (
    HF_SPMC_VM_ID,
    Func,
    PowerOperation,
    RuntimeModel,
    SchedulingMode,
    VcpuState,
    VmState,
    World,
)
from properties.language import at_rest, each_sp_vcpu, each_up_sp_vcpu
from properties.scopes import (
    each_cpu_and_mp_sp_vcpu,
    each_cpu_and_vcpu,
    each_cpu_pair_and_vcpu,
    each_sp_vcpu_pair,
    each_subscribed_sp_vcpu,
    if_the_preempted_stay,
)
from properties.statements import BOTH_WORLDS, always, recoverable, refinement, step
from properties.vocabulary import (
    ABORT,
    DIRECT_RESPONSE,
    NO_RUN_BY_SPS,
    ONE_CPU_NORMAL_WORLD,
    YIELD,
    acts,
    is_received,
    request_open,
    unchanged,
)

X01 = always(
    "X01",
    "Registers that are yet to be saved are not available",
    "Between the end of a handler and the save of the old vCPU's registers, regs_available is the only guard: the "
    "vCPU's state says already that others may take it.",
    over=each_cpu_and_vcpu,
    when=lambda m, cpu, vcpu: cpu.saving == vcpu,
    then=lambda m, cpu, vcpu: not vcpu.regs_available,
    sources=("src/api.c:api_regs_state_saved", "src/api.c:api_ffa_msg_send_direct_resp"),
    worlds=BOTH_WORLDS,
)

X02 = always(
    "X02",
    "No CPU executes a vCPU whose registers another CPU is yet to save",
    "The late save overwrites what the vCPU has done since, or the vCPU starts from registers of the past.",
    over=each_cpu_pair_and_vcpu,
    when=lambda m, cpu, other, vcpu: cpu.saving == vcpu,
    then=lambda m, cpu, other, vcpu: other.current != vcpu,
    sources=X01.sources,
    worlds=BOTH_WORLDS,
)

X04 = recoverable(
    "X04",
    "A BLOCKED vCPU can go on",
    "From every state in which an SP's vCPU is BLOCKED, one at rest can be reached in which it is not: nobody waits "
    "for ever.",
    over=each_sp_vcpu,
    when=lambda m, vcpu: vcpu.state == VcpuState.BLOCKED,
    can_become=lambda m, vcpu: vcpu.state != VcpuState.BLOCKED and at_rest(m),
    sources=("src/ffa/spmc/cpu_cycles.c:ffa_cpu_cycles_abort", "src/api.c:api_vcpu_prepare_run"),
)

X05 = always(
    "X05",
    "A call chain follows the open requests",
    "If v's predecessor in a call chain is a vCPU of partition P, then v serves a request of P.",
    over=each_sp_vcpu_pair,
    when=lambda m, vcpu, caller: vcpu.call_chain_prev == caller and at_rest(m),
    then=lambda m, vcpu, caller: vcpu.dir_req_origin == caller.vm.id,
    sources=("src/ffa/spmc/direct_messaging.c:ffa_direct_msg_wind_call_chain_ffa_direct_req",),
)

X05_R1 = refinement(
    X05,
    "X05.r1",
    "With no CPU powered off, a call chain follows the open requests",
    "As X05, as long as no CPU_OFF replaces a request that is open.",
    assuming=ONE_CPU_NORMAL_WORLD,
)

X10 = always(
    "X10",
    "A vCPU that is asked to power off serves the SPMC's request",
    "pwr_mgmt_op is set and cleared together with the framework request CPU_OFF. A value that is left over denies "
    "the vCPU its requests for ever.",
    over=each_subscribed_sp_vcpu,
    when=lambda m, vcpu: vcpu.pwr_mgmt_op == PowerOperation.CPU_OFF,
    then=lambda m, vcpu: vcpu.rt_model == RuntimeModel.FFA_DIR_REQ and vcpu.dir_req_origin == HF_SPMC_VM_ID,
    sources=(
        "src/ffa/spmc/direct_messaging.c:build_psci_off_frmk_msg",
        "src/ffa/spmc/direct_messaging.c:handle_sp_cpu_off_framework_resp",
    ),
)

X10_R1 = refinement(
    X10,
    "X10.r1",
    "While its VM is RUNNING, a vCPU that is asked to power off serves the SPMC's request",
    "As X10, as long as no vCPU of the partition has aborted, which leaves pwr_mgmt_op set.",
    where=lambda m, vcpu: vcpu.vm.state == VmState.RUNNING,
)

X11 = always(
    "X11",
    "A STARTING vCPU is in its initialisation and serves no one",
    "STARTING goes with the runtime model SP_INIT, with no scheduling mode, and with no request open.",
    over=each_sp_vcpu,
    when=lambda m, vcpu: vcpu.state == VcpuState.STARTING,
    then=lambda m, vcpu: (
        vcpu.rt_model == RuntimeModel.SP_INIT and vcpu.scheduling_mode == SchedulingMode.NONE and not request_open(vcpu)
    ),
    sources=("src/ffa/spmc/cpu_cycles.c:sp_boot_next", "src/arch/aarch64/plat/psci/spmc.c:plat_psci_cpu_resume"),
)

X11_R1 = refinement(
    X11,
    "X11.r1",
    "With no CPU powered off, a STARTING vCPU is in its initialisation and serves no one",
    "As X11, as long as no vCPU is booted again with what was left over from before.",
    assuming=ONE_CPU_NORMAL_WORLD,
)

X12 = always(
    "X12",
    "A vCPU that executes knows on which CPU, and the CPU is on",
    "Handlers take the CPU from the vCPU (current->cpu), not from the hardware.",
    over=each_cpu_and_vcpu,
    when=lambda m, cpu, vcpu: cpu.current == vcpu,
    then=lambda m, cpu, vcpu: vcpu.cpu == cpu and cpu.is_on,
    sources=("src/cpu.c:cpu_index", "src/api.c:api_ffa_get_vm_vcpu"),
    worlds=BOTH_WORLDS,
)

X12_R1 = refinement(
    X12,
    "X12.r1",
    "A multiprocessor SP's vCPU that was booted knows the CPU that executes it, where SPs do not call FFA_RUN",
    "As X12, for vCPUs that are pinned, once they have a CPU: CPU_OFF may be sent to one that was never booted.",
    over=each_cpu_and_mp_sp_vcpu,
    where=lambda m, cpu, vcpu: vcpu.cpu != NULL,
    assuming=NO_RUN_BY_SPS,
    worlds=(World.SPMC,),
)

X13 = always(
    "X13",
    "The VM of an ABORTED vCPU is ABORTING",
    "Whoever decides by the VM's state, without looking at the vCPU, must learn of the abort.",
    over=each_sp_vcpu,
    when=lambda m, vcpu: vcpu.state == VcpuState.ABORTED,
    then=lambda m, vcpu: vcpu.vm.state == VmState.ABORTING,
    sources=("src/arch/aarch64/hypervisor/handler.c:ffa_partition_abort",),
)

X14 = always(
    "X14",
    "At rest, the vCPU of an ABORTING uniprocessor SP is ABORTED or in no runtime model",
    "The converse of X13: FFA_ERROR leaves the vCPU WAITING, in no runtime model, until somebody asks for it.",
    over=each_up_sp_vcpu,
    when=lambda m, vcpu: vcpu.vm.state == VmState.ABORTING and at_rest(m),
    then=lambda m, vcpu: vcpu.state == VcpuState.ABORTED or vcpu.rt_model == RuntimeModel.NONE,
    sources=("src/ffa/spmc/cpu_cycles.c:ffa_cpu_cycles_error_32", "src/ffa/spmc/cpu_cycles.c:sp_boot_next"),
)

X15 = always(
    "X15",
    "A vCPU with CPU cycles has a runtime model",
    "An SP in no runtime model is denied every call that would give its cycles back.",
    over=each_sp_vcpu,
    when=lambda m, vcpu: acts(vcpu),
    then=lambda m, vcpu: vcpu.rt_model != RuntimeModel.NONE,
    sources=("src/ffa/spmc/cpu_cycles.c:ffa_cpu_cycles_check_runtime_state_transition",),
)
X15_R1 = step(
    "X15.r1",
    "A WAITING vCPU is given a runtime model with its CPU cycles, except by a response or a yield",
    "A direct response and FFA_YIELD make the requester RUNNING whatever has become of it since its request. "
    "(Not where another CPU can take a preempted SP away, as in P23.)",
    over=if_the_preempted_stay(each_sp_vcpu),
    when=lambda label, before, after, old, new: (
        label.action.operation not in (DIRECT_RESPONSE, YIELD)
        and not unchanged(old, new, "state")
        and old.state == VcpuState.WAITING
        and new.state == VcpuState.RUNNING
    ),
    then=lambda label, before, after, old, new: new.rt_model != RuntimeModel.NONE,
    sources=X15.sources,
    refines="X15",
)

X16 = step(
    "X16",
    "A requester is told when the SP that serves it aborts",
    "When a vCPU aborts while it serves the request of another SP's vCPU, that vCPU finds FFA_ERROR in its registers.",
    over=each_sp_vcpu_pair,
    when=lambda label, before, after, old, new, old_caller, new_caller: (
        label.action.operation == ABORT
        and label.action.actor == new.key
        and label.delivered
        and old.call_chain_prev == old_caller
    ),
    then=lambda label, before, after, old, new, old_caller, new_caller: is_received(label, new_caller, Func.ERROR),
    sources=("src/ffa/spmc/cpu_cycles.c:ffa_cpu_cycles_abort",),
)

X17 = always(
    "X17",
    "A WAITING vCPU whose registers are available is free for any work",
    "The window of a direct response, WAITING already but still in its runtime model, is guarded by regs_available "
    "alone. Where that flag is stale (P21), another CPU's request meets the leftovers and panics.",
    over=each_sp_vcpu,
    when=lambda m, vcpu: vcpu.state == VcpuState.WAITING and vcpu.regs_available,
    then=lambda m, vcpu: vcpu.rt_model == RuntimeModel.NONE and vcpu.scheduling_mode == SchedulingMode.NONE,
    sources=(
        "src/api.c:api_ffa_msg_send_direct_resp",
        "src/ffa/spmc/direct_messaging.c:ffa_direct_msg_wind_call_chain_ffa_direct_req",
    ),
)
