"""Who runs: vCPUs of aborting VMs, aborted vCPUs, and the agreement of vCPU states with what CPUs execute."""

from __future__ import annotations

from model.machine import Outcome
from model.values import PowerOperation, RuntimeModel, VcpuState, VmState
from properties.language import at_rest, each_partition_vcpu, each_sp_vcpu, each_up_sp_vcpu
from properties.scopes import (
    each_cpu_and_sp_vcpu,
    each_cpu_and_vcpu,
    each_cpu_pair_and_mp_sp_vcpu,
    each_cpu_pair_and_vcpu,
    each_sp_vcpu_set_of_two,
    if_the_preempted_stay,
)
from properties.statements import BOTH_WORLDS, always, refinement, step
from properties.vocabulary import (
    ABORT,
    DIRECT_REQUEST,
    FFA_ERROR,
    FFA_RUN,
    NO_RUN_BY_SPS,
    SECURE_INTERRUPT,
    YIELD,
    acts,
    begins_to_execute,
    is_error,
    is_executing,
)

ABORTS = (
    "src/arch/aarch64/hypervisor/handler.c:ffa_partition_abort",
    "src/ffa/spmc/cpu_cycles.c:ffa_cpu_cycles_error_32",
)

P01 = always(
    "P01",
    "No vCPU has CPU cycles while its VM is ABORTING",
    "As soon as a VM is ABORTING, none of its vCPUs is RUNNING or STARTING: an aborted partition must not go on "
    "executing.",
    over=each_sp_vcpu,
    when=lambda m, vcpu: vcpu.vm.state == VmState.ABORTING,
    then=lambda m, vcpu: not acts(vcpu),
    sources=ABORTS,
)
P01_R1 = refinement(
    P01,
    "P01.r1",
    "At rest, no vCPU of a uniprocessor SP has CPU cycles and a runtime model while its VM is ABORTING",
    "As P01, for uniprocessor SPs and between operations: the only vCPU is the one that aborts. The siblings of a "
    "multiprocessor SP's vCPU are left alone, and the abort itself sets the VM's state first. A vCPU that FFA_ERROR "
    "left WAITING can be resumed by a callee that it had left behind, but it is in no runtime model then.",
    over=each_up_sp_vcpu,
    where=lambda m, vcpu: vcpu.rt_model != RuntimeModel.NONE and at_rest(m),
)

P02 = step(
    "P02",
    "No vCPU is given CPU cycles while its VM is ABORTING",
    "Whoever lets a vCPU become RUNNING or STARTING checks that its VM is not ABORTING.",
    over=each_sp_vcpu,
    when=lambda label, before, after, old, new: old.vm.state == VmState.ABORTING and not acts(old),
    then=lambda label, before, after, old, new: not acts(new),
    sources=(
        "src/api.c:api_vcpu_prepare_run",
        "src/api.c:api_ffa_msg_send_direct_req",
        "src/api.c:api_ffa_msg_send_direct_resp",
        "src/ffa/spmc/cpu_cycles.c:ffa_cpu_cycles_yield_prepare",
        "src/ffa/spmc/cpu_cycles.c:sp_boot_next",
        "src/ffa/spmc/interrupts.c:ffa_interrupts_handle_secure_interrupt",
    ),
)
P02_R1 = refinement(
    P02,
    "P02.r1",
    "FFA_RUN, direct requests and secure interrupts give no CPU cycles to a vCPU of an ABORTING VM",
    "As P02, for the three ways in which new work is given to a vCPU. What resumes a vCPU that was interrupted or "
    "waits for an answer, what boots it, and what asks it to power off, does not look at the VM's state.",
    where=lambda label, *_: (
        label.action.operation in (FFA_RUN, SECURE_INTERRUPT)
        or (label.action.operation == DIRECT_REQUEST and not label.action.arguments[0].is_framework)
    ),
)

P03 = refinement(
    P02,
    "P03",
    "No vCPU of a uniprocessor SP is given CPU cycles while its VM is ABORTING",
    "As P02, for uniprocessor SPs, the only ones that may opt in to lifecycle support.",
    over=each_up_sp_vcpu,
)

P03_R1 = refinement(
    P03,
    "P03.r1",
    "No vCPU of a uniprocessor SP is given CPU cycles and a runtime model while its VM is ABORTING",
    "As P03, but for a requester that reports a failed initialisation while its request is unanswered: that leaves "
    "it WAITING, and the answer, a yield, or the end of an interrupt resumes it, in no runtime model. "
    "(Not where another CPU can take a preempted SP away, as in P23.)",
    where=lambda label, before, after, old, new: new.rt_model != RuntimeModel.NONE,
    over=if_the_preempted_stay(each_up_sp_vcpu),
)

P04 = always(
    "P04",
    "An ABORTED vCPU does not execute",
    "No CPU executes a vCPU whose state is ABORTED: whatever it calls next panics the SPMC.",
    over=each_cpu_and_sp_vcpu,
    when=lambda m, cpu, vcpu: cpu.current == vcpu,
    then=lambda m, cpu, vcpu: vcpu.state != VcpuState.ABORTED,
    sources=(*ABORTS, "src/ffa/spmc/cpu_cycles.c:ffa_cpu_cycles_yield_prepare", "src/api.c:api_vcpu_prepare_run"),
)
P04_R1 = step(
    "P04.r1",
    "Only FFA_YIELD makes a CPU execute an ABORTED vCPU, where SPs do not call FFA_RUN",
    "Every other switch goes to a vCPU that is not ABORTED. FFA_YIELD goes back to the requester without looking at "
    "whether it could be made RUNNING again.",
    over=each_cpu_and_sp_vcpu,
    when=lambda label, before, after, old_cpu, new_cpu, old, new: (
        label.action.operation != YIELD and begins_to_execute(old_cpu, new_cpu, new)
    ),
    then=lambda label, before, after, old_cpu, new_cpu, old, new: new.state != VcpuState.ABORTED,
    sources=P04.sources,
    assuming=NO_RUN_BY_SPS,
    refines="P04",
)

P05 = step(
    "P05",
    "A vCPU leaves ABORTED for OFF only",
    "Nothing but powering off its CPU changes the state of an ABORTED vCPU.",
    over=each_sp_vcpu,
    when=lambda label, before, after, old, new: old.state == VcpuState.ABORTED,
    then=lambda label, before, after, old, new: new.state in (VcpuState.ABORTED, VcpuState.OFF),
    sources=("src/vcpu.c:vcpu_state_set", "src/ffa/spmc/direct_messaging.c:psci_cpu_off_success_fwk_resp"),
)
P05_R1 = step(
    "P05.r1",
    "A vCPU leaves ABORTED for OFF, or to be asked to power off",
    "As P05, but for the CPU_OFF message, which is sent to the last subscribed SP even if its vCPU is not WAITING. "
    "(Not where another CPU can take a preempted SP away, as in P23.)",
    over=if_the_preempted_stay(each_sp_vcpu),
    when=P05.antecedent,
    then=lambda label, before, after, old, new: (
        new.state in (VcpuState.ABORTED, VcpuState.OFF)
        or (new.state == VcpuState.RUNNING and new.pwr_mgmt_op == PowerOperation.CPU_OFF)
    ),
    sources=P05.sources,
    refines="P05",
)

P10 = step(
    "P10",
    "A vCPU that has aborted its partition is ABORTED",
    "When FFA_ABORT, or FFA_ERROR during initialisation, has returned, the vCPU that called it is ABORTED: anything "
    "else may be resumed.",
    over=each_sp_vcpu,
    when=lambda label, before, after, old, new: (
        label.outcome is Outcome.RETURN
        and label.action.actor == new.key
        and (label.action.operation == ABORT or (label.action.operation == FFA_ERROR and not is_error(label)))
    ),
    then=lambda label, before, after, old, new: new.state == VcpuState.ABORTED,
    sources=(*ABORTS, "src/ffa/spmc/cpu_cycles.c:sp_boot_next"),
)
P10_R1 = refinement(
    P10,
    "P10.r1",
    "A vCPU that has called FFA_ABORT is ABORTED",
    "As P10, for FFA_ABORT and fatal faults alone: FFA_ERROR leaves the vCPU WAITING when another SP is to boot.",
    where=lambda label, *_: label.action.operation == ABORT,
)
P10_R2 = step(
    "P10.r2",
    "A vCPU whose initialisation failed is ABORTED, or WAITING with its VM ABORTING",
    "When FFA_ERROR ends a failed initialisation, the VM is ABORTING and its vCPU has no CPU cycles any more.",
    over=each_sp_vcpu,
    when=P10.antecedent,
    then=lambda label, before, after, old, new: (
        new.vm.state == VmState.ABORTING and new.state in (VcpuState.ABORTED, VcpuState.WAITING)
    ),
    sources=P10.sources,
    refines="P10",
)

P18 = always(
    "P18",
    "At rest, the vCPU that a CPU executes is RUNNING or STARTING",
    "What executes counts as executing: otherwise another CPU may run it too, or its next call panics.",
    over=each_cpu_and_vcpu,
    when=lambda m, cpu, vcpu: cpu.current == vcpu and at_rest(m),
    then=lambda m, cpu, vcpu: acts(vcpu),
    sources=("src/api.c:api_ffa_run", "src/ffa/spmc/cpu_cycles.c:ffa_cpu_cycles_yield_prepare"),
    worlds=BOTH_WORLDS,
)
P18_R1 = always(
    "P18.r1",
    "At rest, the SP vCPU that a CPU executes is RUNNING, STARTING or ABORTED, where SPs do not call FFA_RUN",
    "As P18, allowing for the ABORTED requester to which FFA_YIELD returns, as long as no SP calls FFA_RUN, and no "
    "preempted uniprocessor SP can be resumed on another CPU than the one that is to return to it.",
    over=if_the_preempted_stay(each_cpu_and_sp_vcpu),
    when=P18.antecedent,
    then=lambda m, cpu, vcpu: acts(vcpu) or vcpu.state == VcpuState.ABORTED,
    sources=P18.sources,
    assuming=NO_RUN_BY_SPS,
    refines="P18",
)

P19 = always(
    "P19",
    "At rest, a RUNNING or STARTING vCPU is executed by some CPU",
    "A vCPU that counts as having CPU cycles has them. One that does not is BUSY for everybody, for ever.",
    over=each_partition_vcpu,
    when=lambda m, vcpu: acts(vcpu) and at_rest(m),
    then=is_executing,
    sources=("src/api.c:api_ffa_run",),
    worlds=BOTH_WORLDS,
)
P19_R1 = refinement(
    P19,
    "P19.r1",
    "At rest, a RUNNING or STARTING vCPU is executed by some CPU, where SPs do not call FFA_RUN",
    "As P19, as long as no SP calls FFA_RUN: it may switch to the preempted vCPU and leave the caller RUNNING. "
    "(Not where another CPU can take a preempted SP away, as in P23.)",
    assuming=NO_RUN_BY_SPS,
    over=if_the_preempted_stay(each_partition_vcpu),
)

P20 = always(
    "P20",
    "A CPU has at most one active SP vCPU",
    "Of two SP vCPUs of the same CPU, one at most is RUNNING or STARTING.",
    over=each_sp_vcpu_set_of_two,
    when=lambda m, vcpu, other: acts(vcpu),
    then=lambda m, vcpu, other: (
        not (acts(other) and any(bool(vcpu.cpu == cpu) and bool(other.cpu == cpu) for cpu in m.cpus))
    ),
    sources=("src/api.c:api_ffa_run", "src/ffa/spmc/cpu_cycles.c:ffa_cpu_cycles_yield_prepare"),
)

P20_R1 = refinement(
    P20,
    "P20.r1",
    "A CPU has at most one active SP vCPU, where SPs do not call FFA_RUN",
    "As P20, as long as no SP calls FFA_RUN, and no preempted uniprocessor SP can be resumed on another CPU than the "
    "one that is to return to it.",
    over=if_the_preempted_stay(each_sp_vcpu_set_of_two),
    assuming=NO_RUN_BY_SPS,
)

P24 = always(
    "P24",
    "No two CPUs execute the same vCPU",
    "A vCPU that two CPUs execute overwrites its own saved registers: the partition's state is lost.",
    over=each_cpu_pair_and_vcpu,
    when=lambda m, cpu, other, vcpu: cpu.current == vcpu,
    then=lambda m, cpu, other, vcpu: other.current != vcpu,
    sources=("src/api.c:api_vcpu_prepare_run", "src/api.c:api_ffa_msg_send_direct_resp"),
    worlds=BOTH_WORLDS,
)

P24_R1 = refinement(
    P24,
    "P24.r1",
    "No two CPUs execute the same vCPU of a multiprocessor SP, where SPs do not call FFA_RUN",
    "As P24, for vCPUs that are pinned: only FFA_RUN by an SP takes them off their CPU.",
    over=each_cpu_pair_and_mp_sp_vcpu,
    assuming=NO_RUN_BY_SPS,
)

P26 = always(
    "P26",
    "At rest, no SP vCPU is NULL, STOPPED, STOPPING or BLOCKED_INTERRUPT",
    "These states exist for other versions, other builds, or within one operation.",
    over=each_sp_vcpu,
    when=lambda m, vcpu: at_rest(m),
    then=lambda m, vcpu: (
        vcpu.state not in (VcpuState.NULL, VcpuState.STOPPED, VcpuState.STOPPING, VcpuState.BLOCKED_INTERRUPT)
    ),
    sources=("src/vcpu.c:vcpu_state_set", "src/arch/aarch64/hypervisor/handler.c:ffa_partition_abort"),
)

P27 = always(
    "P27",
    "A vCPU that executes its initialisation is STARTING",
    "The runtime model SP_INIT asserts it; a vCPU that comes back as RUNNING from having been blocked or preempted "
    "fails the assertion at its next call.",
    over=each_cpu_and_sp_vcpu,
    when=lambda m, cpu, vcpu: cpu.current == vcpu and vcpu.rt_model == RuntimeModel.SP_INIT,
    then=lambda m, cpu, vcpu: vcpu.state == VcpuState.STARTING,
    sources=("src/ffa/spmc/cpu_cycles.c:ffa_cpu_cycles_check_rtm_sp_init", "src/vcpu.c:vcpu_set_running"),
)
P27_R1 = always(
    "P27.r1",
    "A vCPU that executes its initialisation is STARTING, RUNNING or ABORTED, where SPs do not call FFA_RUN",
    "As P27, allowing for STARTING being forgotten when the vCPU is resumed, and for FFA_YIELD to an ABORTED "
    "requester, as long as no SP calls FFA_RUN.",
    over=each_cpu_and_sp_vcpu,
    when=P27.antecedent,
    then=lambda m, cpu, vcpu: acts(vcpu) or vcpu.state == VcpuState.ABORTED,
    sources=P27.sources,
    assuming=NO_RUN_BY_SPS,
    refines="P27",
)
