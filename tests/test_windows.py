"""Windows: what other CPUs see and do where an operation drops its locks, one test for each window; and the locks.

Every test drives CPU 0 to a window, lets CPU 1 act there, and then lets CPU 0 go on.
"""

from __future__ import annotations

from typing import Any

import pytest

from model.environment import Action, Argument, Assumptions
from model.machine import Outcome
from model.readings import Concrete
from model.simulation import Executed, Simulation
from model.topology import BUILT_IN, Partition, PartitionKind, Topology
from model.values import (
    HF_NWD_VM_ID,
    HF_SPMC_VM_ID,
    HF_SPMD_VM_ID,
    DirectMessage,
    FfaError,
    FfaValue,
    Framework,
    Func,
    InterruptAction,
    RuntimeModel,
    SchedulingMode,
    VcpuState,
    VmState,
    World,
    ffa_error,
)
from model.variables import Key, Layout, Value, cpu_key, vcpu_key, vm_key

BUSY = ffa_error(FfaError.BUSY)
DENIED = ffa_error(FfaError.DENIED)

SP1, SP2 = vm_key(0x8001), vm_key(0x8002)
SP1_VCPU, SP2_VCPU = vcpu_key(0x8001, 0), vcpu_key(0x8002, 0)
NWD_ON_CPU0, NWD_ON_CPU1 = vcpu_key(0, 0), vcpu_key(0, 1)

CPU_OFF = DirectMessage(Func.DIRECT_REQ, HF_SPMD_VM_ID, HF_SPMC_VM_ID, Framework.PSCI_CPU_OFF)
CPU_OFF_DONE = DirectMessage(Func.DIRECT_RESP, 0x8001, HF_SPMC_VM_ID, Framework.PSCI_RESP)


def _two_up_sps() -> Topology:
    signaled = InterruptAction.SIGNALED
    partitions = (
        Partition(0x8001, PartitionKind.SP, 1, other_s_interrupts_action=signaled, interrupts=(40,)),
        Partition(0x8002, PartitionKind.SP, 1, other_s_interrupts_action=signaled, interrupts=(41,)),
    )
    return Topology("two-up", World.SPMC, 2, (*partitions, Partition(0x0, PartitionKind.OTHER_WORLD, 2)))


TWO_UP = _two_up_sps()
ONE_UP = BUILT_IN["2x1-up"]
MP_AND_UP = BUILT_IN["2x2"]


def request(sender: int, receiver: int) -> DirectMessage:
    """A direct request."""
    return DirectMessage(Func.DIRECT_REQ, sender, receiver)


def response(sender: int, receiver: int) -> DirectMessage:
    """A direct response."""
    return DirectMessage(Func.DIRECT_RESP, sender, receiver)


class System:
    """A system under test; actions are those of whoever executes on the CPU."""

    def __init__(self, topology: Topology):
        self.layout = Layout(topology)
        self.simulation = Simulation(self.layout, Assumptions(), stop_at_windows=True)

    def __getitem__(self, place: tuple[Key, str]) -> Value:
        """The value of an object's field."""
        return self.layout.value(self.simulation.state, *place)

    def current(self, cpu: int) -> Any:
        """The vCPU that executes on a CPU."""
        return self[cpu_key(cpu), "current"]

    def start(self, cpu: int, operation: str, *arguments: Argument) -> Executed:
        """Start an action, which stops at its first window."""
        return self.simulation.step(Action(operation, cpu, self.current(cpu), arguments))

    def go_on(self, cpu: int) -> Executed:
        """Go on with a CPU's action, up to the next window."""
        return self.simulation.step(self.simulation.suspended[cpu].action)

    def finish(self, cpu: int) -> Executed:
        """Go on with a CPU's action to its end."""
        executed = self.go_on(cpu)
        while executed.outcome is Outcome.SUSPENDED:
            executed = self.go_on(cpu)
        return executed

    def reach(self, window: str, cpu: int, operation: str, *arguments: Argument) -> None:
        """Start an action and bring it to a window."""
        executed = self.start(cpu, operation, *arguments)
        while executed.where != window:
            assert executed.outcome is Outcome.SUSPENDED, f"{operation} never reaches {window}"
            executed = self.go_on(cpu)

    def act(self, cpu: int, operation: str, *arguments: Argument) -> Executed:
        """Execute an action from start to end."""
        executed = self.start(cpu, operation, *arguments)
        return self.finish(cpu) if executed.outcome is Outcome.SUSPENDED else executed

    def save(self, cpu: int) -> None:
        """Let the context switch save the registers of the vCPU that ran before."""
        saved: Any = self[cpu_key(cpu), "saving"]
        executed = self.simulation.step(Action("api_regs_state_saved", cpu, saved))
        assert executed.outcome is Outcome.RETURN

    def do(self, cpu: int, operation: str, *arguments: Argument) -> Executed:
        """Execute an action, with the save of registers if it switches."""
        executed = self.act(cpu, operation, *arguments)
        assert executed.outcome is Outcome.RETURN, executed
        if self[cpu_key(cpu), "saving"] is not None:
            self.save(cpu)
        return executed


def booted(topology: Topology) -> System:
    """A system with every SP waiting and the normal world on both CPUs."""
    system = System(topology)
    system.do(0, "load_vms")
    for cpu in (0, 1):
        system.do(cpu, "plat_psci_cpu_resume")
        while system.current(cpu).first != 0:
            system.do(cpu, "api_ffa_msg_wait")
    return system


def test_w1_the_caller_of_ffa_run_is_unlocked() -> None:
    system = booted(TWO_UP)
    system.do(0, "api_ffa_msg_send_direct_req", request(HF_NWD_VM_ID, 0x8001))
    system.reach("W1", 0, "api_ffa_run", 0x8002, 0)
    assert system[SP1_VCPU, "lock"] is None
    assert system.act(1, "api_ffa_msg_send_direct_req", request(HF_NWD_VM_ID, 0x8001)).reply == BUSY
    assert system.finish(0).reply == DENIED


def test_w2_the_target_of_ffa_run_runs_elsewhere() -> None:
    system = booted(ONE_UP)
    system.reach("W2", 0, "api_ffa_run", 0x8001, 0)
    system.act(1, "api_ffa_run", 0x8001, 0)
    assert system.current(1) == SP1_VCPU
    assert system.finish(0).reply == BUSY
    assert system.current(0) == NWD_ON_CPU0


def test_w2_the_target_of_ffa_run_ran_and_moved_elsewhere() -> None:
    system = booted(ONE_UP)
    system.reach("W2", 0, "api_ffa_run", 0x8001, 0)
    system.do(1, "api_ffa_run", 0x8001, 0)
    assert system[SP1_VCPU, "cpu"] == cpu_key(1)
    system.do(1, "api_ffa_msg_wait")
    assert system.finish(0).reply == FfaValue(Func.INTERRUPT)
    assert (system.current(0), system[SP1_VCPU, "cpu"]) == (SP1_VCPU, cpu_key(0))


def test_w3_the_checks_of_the_caller_are_not_made_again() -> None:
    """An SP may only run BLOCKED and PREEMPTED vCPUs; here it runs one that is WAITING by then."""
    system = booted(TWO_UP)
    system.do(1, "api_ffa_run", 0x8002, 0)
    system.do(1, "api_yield")
    system.do(0, "api_ffa_msg_send_direct_req", request(HF_NWD_VM_ID, 0x8001))
    assert system[SP2_VCPU, "state"] is VcpuState.BLOCKED
    system.reach("W3", 0, "api_ffa_run", 0x8002, 0)
    system.do(1, "api_ffa_run", 0x8002, 0)
    system.do(1, "api_ffa_msg_wait")
    assert system[SP2_VCPU, "state"] is VcpuState.WAITING
    system.finish(0)
    assert system.current(0) == SP2_VCPU
    assert system[SP2_VCPU, "rt_model"] is RuntimeModel.FFA_RUN


def test_w4_a_vcpu_that_has_responded_waits_in_its_old_runtime_model() -> None:
    system = booted(ONE_UP)
    system.do(0, "api_ffa_msg_send_direct_req", request(HF_NWD_VM_ID, 0x8001))
    system.reach("W4", 0, "api_ffa_msg_send_direct_resp", response(0x8001, HF_NWD_VM_ID))
    assert system[SP1_VCPU, "state"] is VcpuState.WAITING
    assert system[SP1_VCPU, "rt_model"] is RuntimeModel.FFA_DIR_REQ
    assert system[SP1_VCPU, "scheduling_mode"] is SchedulingMode.NWD_MODE
    assert system[SP1_VCPU, "lock"] is None
    assert not system[SP1_VCPU, "regs_available"]
    assert system.act(1, "api_ffa_msg_send_direct_req", request(HF_NWD_VM_ID, 0x8001)).reply == BUSY
    system.finish(0)
    assert system[SP1_VCPU, "rt_model"] is RuntimeModel.NONE


def test_w5_a_vcpu_that_yields_to_an_sp_is_blocked_and_kept_by_its_call_chain() -> None:
    system = booted(TWO_UP)
    system.do(0, "api_ffa_msg_send_direct_req", request(HF_NWD_VM_ID, 0x8001))
    system.do(0, "api_ffa_msg_send_direct_req", request(0x8001, 0x8002))
    system.reach("W5", 0, "api_yield")
    assert system[SP2_VCPU, "state"] is VcpuState.BLOCKED
    assert system[SP1_VCPU, "state"] is VcpuState.BLOCKED
    assert system[SP2_VCPU, "lock"] is None
    assert system.act(1, "api_ffa_run", 0x8001, 0).reply == DENIED
    assert system.act(1, "api_ffa_run", 0x8002, 0).reply == DENIED
    system.finish(0)
    assert (system.current(0), system[SP1_VCPU, "state"]) == (SP1_VCPU, VcpuState.RUNNING)


def test_w6_the_preempted_vcpu_is_stolen_and_runs_on_two_cpus() -> None:
    system = booted(TWO_UP)
    system.do(0, "api_ffa_run", 0x8002, 0)
    system.do(0, "ffa_interrupts_handle_secure_interrupt", 40)
    system.act(0, "api_interrupt_get")
    assert (system.current(0), system[SP2_VCPU, "state"]) == (SP1_VCPU, VcpuState.PREEMPTED)
    system.reach("W6", 0, "api_ffa_msg_wait")
    system.do(1, "api_ffa_run", 0x8002, 0)
    system.finish(0)
    assert system.current(0) == system.current(1) == SP2_VCPU


def test_w7_a_vcpu_that_waits_is_protected_by_its_registers() -> None:
    system = booted(ONE_UP)
    system.do(0, "api_ffa_run", 0x8001, 0)
    system.reach("W7", 0, "api_ffa_msg_wait")
    assert system[SP1_VCPU, "state"] is VcpuState.WAITING
    assert system[SP1_VCPU, "lock"] is None
    assert system.act(1, "api_ffa_run", 0x8001, 0).reply == BUSY
    system.finish(0)
    assert system.current(0) == NWD_ON_CPU0


def powered_off_and_on_again(system: System) -> None:
    """CPU 0 goes off, SP1 agreeing, and comes up again as far as window W8."""
    system.do(0, "api_ffa_msg_send_direct_req", CPU_OFF)
    if system.current(0) == SP1_VCPU:
        system.do(0, "api_ffa_msg_send_direct_resp", CPU_OFF_DONE)
    assert not system[cpu_key(0), "is_on"]
    system.reach("W8", 0, "plat_psci_cpu_resume")


def test_w8_a_vm_aborts_while_a_cpu_starts_its_vcpu() -> None:
    """vm_set_state(RUNNING) is refused, and nobody looks: the vCPU boots in an ABORTING VM."""
    system = booted(MP_AND_UP)
    powered_off_and_on_again(system)
    assert system[SP1_VCPU, "state"] is VcpuState.STARTING
    assert system[SP1_VCPU, "lock"] is None
    system.do(1, "api_ffa_run", 0x8001, 1)
    system.do(1, "api_ffa_abort")
    executed = system.finish(0)
    assert (executed.outcome, executed.labels.refused) == (Outcome.RETURN, ["vm 0x8001 to RUNNING"])
    assert (system.current(0), system[SP1, "state"]) == (SP1_VCPU, VmState.ABORTING)


def booting_sp2_a_second_time() -> System:
    """CPU 0 is at W9 on its way to SP2, which its first boot never came to; CPU 1 is in the normal world."""
    system = System(MP_AND_UP)
    system.do(0, "load_vms")
    system.do(0, "plat_psci_cpu_resume")
    system.do(0, "api_ffa_abort")
    system.do(1, "plat_psci_cpu_resume")
    system.do(1, "api_ffa_msg_wait")
    powered_off_and_on_again(system)
    system.finish(0)
    system.reach("W9", 0, "api_ffa_msg_wait")
    return system


def test_w9_a_vm_runs_before_any_of_its_vcpus_started() -> None:
    system = booting_sp2_a_second_time()
    assert (system[SP2, "state"], system[SP2, "lock"]) == (VmState.RUNNING, None)
    assert (system[SP2_VCPU, "state"], system[SP2_VCPU, "lock"]) == (VcpuState.CREATED, cpu_key(0))
    system.finish(0)
    assert (system.current(0), system[SP2_VCPU, "state"]) == (SP2_VCPU, VcpuState.STARTING)


def test_w10_ffa_run_aborts_the_running_vcpu_of_a_vm_that_aborts() -> None:
    system = booted(ONE_UP)
    system.do(0, "api_ffa_run", 0x8001, 0)
    system.reach("W10", 0, "api_ffa_abort")
    assert (system[SP1, "state"], system[SP1_VCPU, "state"]) == (VmState.ABORTING, VcpuState.RUNNING)
    assert system.act(1, "api_ffa_run", 0x8001, 0).reply == BUSY
    assert system[SP1_VCPU, "state"] is VcpuState.ABORTED
    assert system.current(0) == SP1_VCPU
    assert system.finish(0).outcome is Outcome.RETURN
    assert system.current(0) == NWD_ON_CPU0


@pytest.mark.parametrize("call", ["api_ffa_run", "api_ffa_msg_send_direct_req"])
def test_w11_only_regs_available_protects_a_vcpu_whose_registers_are_not_saved(call: str) -> None:
    arguments: tuple[Argument, ...] = (0x8001, 0) if call == "api_ffa_run" else (request(HF_NWD_VM_ID, 0x8001),)
    system = booted(ONE_UP)
    system.do(0, "api_ffa_run", 0x8001, 0)
    system.act(0, "api_ffa_msg_wait")
    assert (system.current(0), system[SP1_VCPU, "state"]) == (NWD_ON_CPU0, VcpuState.WAITING)
    assert not system[SP1_VCPU, "regs_available"]
    assert system.act(1, call, *arguments).reply == BUSY
    assert system.act(0, call, *arguments).outcome is Outcome.DISABLED
    system.save(0)
    system.act(1, call, *arguments)
    assert system.current(1) == SP1_VCPU


def test_w12_ffa_msg_wait_releases_its_lock_twice() -> None:
    system = booted(ONE_UP)
    system.do(0, "api_ffa_run", 0x8001, 0)
    assert system.act(0, "api_ffa_msg_wait").labels.events == ["double release: vcpu 0x8001.0"]


def test_w12_a_secure_interrupt_for_the_current_vcpu_releases_its_lock_twice() -> None:
    system = System(MP_AND_UP)
    system.do(0, "load_vms")
    system.do(0, "plat_psci_cpu_resume")
    executed = system.act(0, "ffa_interrupts_handle_secure_interrupt", 40)
    assert executed.labels.events == ["double release: vcpu 0x8001.0"]


def test_w12_a_second_release_frees_the_lock_of_another_cpu() -> None:
    layout = Layout(ONE_UP)
    m = Concrete(layout)
    vcpu = m.handles[SP1_VCPU]
    for cpu, access in ((0, m.lock), (0, m.unlock), (1, m.lock), (0, m.unlock)):
        m.begin(m.state, cpu)
        access(vcpu)
    assert layout.value(m.state, SP1_VCPU, "lock") is None
    assert m.labels.events == ["double release: vcpu 0x8001.0"]


def test_w12_another_cpu_takes_the_lock_between_the_two_releases() -> None:
    system = booted(ONE_UP)
    system.do(0, "api_ffa_run", 0x8001, 0)
    system.reach("W12", 0, "api_ffa_msg_wait")
    assert system[SP1_VCPU, "lock"] is None


def test_a_lock_blocks_while_another_cpu_holds_it() -> None:
    operation, arguments = "api_ffa_msg_send_direct_req", (request(HF_NWD_VM_ID, 0x8002),)
    system = booting_sp2_a_second_time()
    before = system.simulation.state
    blocked = system.start(1, operation, *arguments)
    assert (blocked.outcome, blocked.where, blocked.state) == (Outcome.BLOCKED, "0x8002.0", before)
    assert system.simulation.state == before
    system.finish(0)
    assert system.start(1, operation, *arguments).outcome is Outcome.RETURN


def test_an_operation_blocks_after_a_window_and_stays_there() -> None:
    system = booted(ONE_UP)
    system.do(0, "api_ffa_run", 0x8001, 0)
    system.do(0, "api_ffa_msg_wait")
    system.reach("W3", 1, "api_ffa_run", 0x8001, 0)
    system.do(0, "api_ffa_run", 0x8001, 0)
    system.reach("W10", 0, "api_ffa_abort")
    before = system.simulation.state
    for _ in range(2):
        blocked = system.go_on(1)
        assert (blocked.outcome, blocked.where, blocked.state) == (Outcome.BLOCKED, "0x8001", before)
    system.finish(0)
    assert system.go_on(1).reply == BUSY


def test_an_operation_that_was_blocked_reaches_its_next_window() -> None:
    system = booting_sp2_a_second_time()
    system.reach("W1", 1, "api_ffa_run", 0x8002, 0)
    assert system.go_on(1).outcome is Outcome.BLOCKED
    system.finish(0)
    assert system.go_on(1).where == "W2"
    assert system.finish(1).reply == BUSY


def test_taking_a_lock_twice_deadlocks() -> None:
    system = booted(ONE_UP)
    system.do(0, "api_ffa_run", 0x8001, 0)
    executed = system.act(0, "api_ffa_run", 0x8001, 0)
    assert (executed.outcome, executed.where) == (Outcome.DEADLOCK, "0x8001.0")


def test_locks_taken_against_the_documented_order_are_reported() -> None:
    system = System(MP_AND_UP)
    system.do(0, "load_vms")
    system.do(0, "plat_psci_cpu_resume")
    executed = system.start(0, "api_ffa_msg_wait")
    assert executed.labels.events == ["lock order: vm 0x8002 taken while holding vcpu 0x8001.0"]


def test_another_action_of_a_cpu_waits_for_the_one_in_progress() -> None:
    system = booted(ONE_UP)
    system.reach("W1", 0, "api_ffa_run", 0x8001, 0)
    with pytest.raises(ValueError, match="CPU0 is executing CPU0 vcpu"):
        system.start(0, "api_ffa_msg_send_direct_req", request(HF_NWD_VM_ID, 0x8001))
