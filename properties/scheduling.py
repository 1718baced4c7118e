"""CPU cycles and registers: who may be resumed where, and what the scheduling fields say of the state."""

from __future__ import annotations

from model.machine import NULL
from model.values import RuntimeModel, SchedulingMode, VcpuState, VmState
from properties.language import at_rest, each_mp_sp_vcpu, each_partition_vcpu, each_sp_vcpu
from properties.scopes import each_vcpu_that_may_move, if_the_preempted_stay
from properties.statements import BOTH_WORLDS, always, refinement, step
from properties.vocabulary import (
    DIRECT_RESPONSE,
    FFA_RUN,
    YIELD,
    acts,
    begins_to_act,
    from_normal_world,
    is_executing,
    own_cpu,
    unchanged,
)

P07 = step(
    "P07",
    "FFA_RUN resumes an SP only while its VM is RUNNING",
    "When FFA_RUN makes a vCPU RUNNING, its VM is RUNNING at that instant, not still CREATED nor already ABORTING.",
    over=each_sp_vcpu,
    when=lambda label, before, after, old, new: (
        label.action.operation == FFA_RUN and not unchanged(old, new, "state") and new.state == VcpuState.RUNNING
    ),
    then=lambda label, before, after, old, new: new.vm.state == VmState.RUNNING,
    sources=("src/api.c:api_vcpu_prepare_run",),
)

X18 = step(
    "X18",
    "What FFA_RUN was checked for still holds when it resumes the vCPU",
    "An SP may only run BLOCKED and PREEMPTED vCPUs, and nobody a vCPU whose call chain is on another CPU. Both are "
    "checked before the locks are dropped, and must hold when the vCPU named becomes RUNNING.",
    over=each_sp_vcpu,
    when=lambda label, before, after, old, new: (
        label.action.operation == FFA_RUN
        and label.action.arguments[:2] == (old.vm.id, old.index)
        and begins_to_act(old, new)
    ),
    then=lambda label, before, after, old, new: (
        (from_normal_world(label, before) or old.state in (VcpuState.BLOCKED, VcpuState.PREEMPTED))
        and (old.cpu == before.cpus[label.action.cpu] or (old.call_chain_prev == NULL and old.call_chain_next == NULL))
    ),
    sources=("src/ffa/spmc/cpu_cycles.c:ffa_cpu_cycles_run_checks", "src/api.c:api_vcpu_prepare_run"),
)

P21 = always(
    "P21",
    "The registers of a RUNNING or STARTING vCPU are not available",
    "regs_available tells other CPUs that a vCPU's registers are in memory and up to date. While the vCPU has CPU "
    "cycles they are not; a stale flag lets another CPU resume the vCPU before its registers were saved.",
    over=each_partition_vcpu,
    when=lambda m, vcpu: acts(vcpu),
    then=lambda m, vcpu: not vcpu.regs_available,
    sources=("src/vcpu.c:vcpu_set_running", "src/api.c:api_regs_state_saved", "src/api.c:api_ffa_msg_send_direct_resp"),
    worlds=BOTH_WORLDS,
)
P21_R1 = step(
    "P21.r1",
    "Whoever gives CPU cycles takes the registers, except a response or a yield to an SP",
    "A step that makes a vCPU RUNNING or STARTING also marks its registers as not available. Only a direct response "
    "and FFA_YIELD to a requester that is an SP forget to.",
    over=each_partition_vcpu,
    when=lambda label, before, after, old, new: (
        label.action.operation not in (DIRECT_RESPONSE, YIELD) and begins_to_act(old, new)
    ),
    then=lambda label, before, after, old, new: not new.regs_available,
    sources=P21.sources,
    worlds=BOTH_WORLDS,
    refines="P21",
)

P22 = always(
    "P22",
    "At rest, the registers of a vCPU without CPU cycles are available",
    "A vCPU that is neither RUNNING nor STARTING has been saved. Otherwise it is BUSY for ever.",
    over=each_partition_vcpu,
    when=lambda m, vcpu: not acts(vcpu) and at_rest(m),
    then=lambda m, vcpu: vcpu.regs_available,
    sources=("src/api.c:api_regs_state_saved", "src/api.c:api_vcpu_prepare_run"),
    worlds=BOTH_WORLDS,
)
P22_R1 = refinement(
    P22,
    "P22.r1",
    "At rest, the registers of a WAITING or BLOCKED vCPU that does not execute are available",
    "As P22, for the states from which vCPUs are given work. When an interrupt is pending for an SP that gives its "
    "cycles back, the vCPU it was to return to becomes PREEMPTED again with its registers still taken.",
    where=lambda m, vcpu: vcpu.state in (VcpuState.WAITING, VcpuState.BLOCKED) and not is_executing(m, vcpu),
)

P23 = step(
    "P23",
    "A vCPU moves to another CPU only when its registers were saved",
    "When a vCPU's CPU changes, its registers had been marked available: the old CPU is done with it.",
    over=each_vcpu_that_may_move,
    when=lambda label, before, after, old, new: not unchanged(old, new, "cpu") and old.cpu != NULL,
    then=lambda label, before, after, old, new: old.regs_available,
    sources=(
        "src/api.c:api_vcpu_prepare_run",
        "src/api.c:api_ffa_msg_send_direct_req",
        "src/ffa/spmc/interrupts.c:interrupt_resume_waiting",
        "src/ffa/spmc/cpu_cycles.c:sp_boot_next",
    ),
    worlds=BOTH_WORLDS,
)

P23_R1 = refinement(
    P23,
    "P23.r1",
    "A vCPU moves to another CPU only when its registers were saved, where the preempted stay",
    "As P23, but for uniprocessor SPs that another SP's interrupt can preempt, and that another CPU can then resume: "
    "when the interrupt has been handled, the first CPU returns to the vCPU, whatever has become of it.",
    over=if_the_preempted_stay(each_vcpu_that_may_move),
)

P25 = always(
    "P25",
    "A multiprocessor SP's vCPU stays on its CPU",
    "Once the vCPU of index i has a CPU, it is CPU i. Its banked interrupt state and its timer live there.",
    over=each_mp_sp_vcpu,
    when=lambda m, vcpu: vcpu.cpu != NULL,
    then=lambda m, vcpu: vcpu.cpu == own_cpu(m, vcpu),
    sources=("src/ffa/spmc/cpu_cycles.c:ffa_cpu_cycles_run_checks", "src/api.c:api_ffa_get_vm_vcpu"),
)
P25_R1 = step(
    "P25.r1",
    "Only FFA_RUN by a uniprocessor SP moves a multiprocessor SP's vCPU",
    "Every other step that gives the vCPU a CPU gives it its own. The check of the vCPU index in FFA_RUN is skipped "
    "when the caller is a uniprocessor SP.",
    over=each_mp_sp_vcpu,
    when=lambda label, before, after, old, new: (
        not unchanged(old, new, "cpu")
        and not (label.action.operation == FFA_RUN and before.vm_by_id[label.action.actor.first].vcpu_count == 1)
    ),
    then=lambda label, before, after, old, new: label.action.cpu == new.index,
    sources=P25.sources,
    refines="P25",
)

P28 = always(
    "P28",
    "A WAITING vCPU has neither runtime model nor scheduling mode",
    "WAITING means ready for work of any kind; the paths that give it work check that no runtime model and no "
    "scheduling mode is left over, and panic if one is.",
    over=each_sp_vcpu,
    when=lambda m, vcpu: vcpu.state == VcpuState.WAITING,
    then=lambda m, vcpu: vcpu.rt_model == RuntimeModel.NONE and vcpu.scheduling_mode == SchedulingMode.NONE,
    sources=(
        "src/ffa/spmc/direct_messaging.c:ffa_direct_msg_wind_call_chain_ffa_direct_req",
        "src/vcpu.c:vcpu_enter_secure_interrupt_rtm",
        "src/ffa/spmc/cpu_cycles.c:ffa_msg_wait_complete",
    ),
)
P28_R1 = refinement(
    P28,
    "P28.r1",
    "At rest, a WAITING vCPU has neither runtime model nor scheduling mode",
    "As P28, between operations: a direct response sets WAITING first and clears the rest after a window.",
    where=lambda m, vcpu: at_rest(m),
)
