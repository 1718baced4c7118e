"""What the environment guarantees: when interrupts can arrive."""

from __future__ import annotations

from model.environment import Action, Argument, Assumptions
from model.machine import Outcome
from model.simulation import Simulation
from model.topology import BUILT_IN
from model.values import HF_NWD_VM_ID, DirectMessage, Func
from model.variables import Layout, vcpu_key

SP1, SP2, NORMAL_WORLD = vcpu_key(0x8001, 0), vcpu_key(0x8002, 0), vcpu_key(0x0, 0)
TO_SP1 = DirectMessage(Func.DIRECT_REQ, 0x8002, 0x8001)
FROM_NORMAL_WORLD = DirectMessage(Func.DIRECT_REQ, HF_NWD_VM_ID, 0x8001)

REQUEST_IN_INITIALISATION: tuple[Action, ...] = (
    Action("load_vms", 0, None),
    Action("plat_psci_cpu_resume", 0, None),
    Action("api_ffa_msg_wait", 0, SP1),
    Action("api_regs_state_saved", 0, SP1),
    Action("api_ffa_msg_send_direct_req", 0, SP2, (TO_SP1,)),
    Action("api_regs_state_saved", 0, SP2),
)
AFTER_BOOT: tuple[Action, ...] = (
    *REQUEST_IN_INITIALISATION[:4],
    Action("api_ffa_msg_wait", 0, SP2),
    Action("api_regs_state_saved", 0, SP2),
    Action("api_ffa_msg_send_direct_req", 0, NORMAL_WORLD, (FROM_NORMAL_WORLD,)),
    Action("api_regs_state_saved", 0, NORMAL_WORLD),
)


def outcome_after(steps: tuple[Action, ...], operation: str, *arguments: Argument) -> Outcome:
    """How an interrupt of the first SP ends after some steps on two preemptible SPs."""
    simulation = Simulation(Layout(BUILT_IN["1x2-signalled"]), Assumptions(), stop_at_windows=False)
    for step in steps:
        assert simulation.step(step).outcome is Outcome.RETURN, step
    return simulation.step(Action(operation, 0, SP1, arguments)).outcome


def test_no_non_secure_interrupt_before_the_normal_world_has_made_a_call() -> None:
    assert outcome_after(REQUEST_IN_INITIALISATION, "fiq_lower") is Outcome.DISABLED
    assert outcome_after(AFTER_BOOT, "fiq_lower") is Outcome.RETURN


def test_a_secure_interrupt_may_arrive_during_an_initialisation() -> None:
    """Finding F47: the requester is BLOCKED, in no scheduling mode."""
    arrives = "ffa_interrupts_handle_secure_interrupt"
    assert outcome_after(REQUEST_IN_INITIALISATION, arrives, 41) is Outcome.ASSERT
    assert outcome_after(AFTER_BOOT, arrives, 41) is Outcome.RETURN
