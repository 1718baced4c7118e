"""Every place of the C that writes the state of a VM or a vCPU, as facts: where, what, and when.

Line numbers are those at the upstream commit.  The identifiers are V for VMs, R for writes of a vCPU's state that
bypass vcpu_state_set, S for those that go through it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Site:
    """A line that writes a state, itself or by what it calls, and when it does.

    A site that no execution of the model passes says in `model_fact` what of the model accounts for it.
    """

    file: str
    line: int
    value: str
    when: str
    model_fact: str = ""


@dataclass(frozen=True, slots=True)
class StateWrite:
    """Writes of one kind: what guards them, and their sites, a setter before its callers."""

    id: str
    guard: str
    sites: tuple[Site, ...]

    @property
    def kind(self) -> str:
        """Whose state is written: `vm` or `vcpu`."""
        return "vm" if self.id.startswith("V") else "vcpu"


API: Final = "src/api.c"
CPU_CYCLES: Final = "src/ffa/spmc/cpu_cycles.c"
DIRECT_MESSAGING: Final = "src/ffa/spmc/direct_messaging.c"
HANDLER: Final = "src/arch/aarch64/hypervisor/handler.c"
HYPERVISOR_CYCLES: Final = "src/ffa/hypervisor/cpu_cycles.c"
INDIRECT: Final = "src/ffa/hypervisor/indirect_messaging.c"
INTERRUPTS: Final = "src/ffa/spmc/interrupts.c"
LOAD: Final = "src/load.c"
PSCI: Final = "src/arch/aarch64/plat/psci/spmc.c"
PSCI_HANDLER: Final = "src/arch/aarch64/hypervisor/psci_handler.c"
VCPU: Final = "src/vcpu.c"

INITIAL: Final = "the initial state (model/variables.py: Layout.initial)"
NO_MAILBOX: Final = "FFA_MSG_SEND of FF-A v1.0 is not modelled"

STATE_WRITES: Final = (
    StateWrite("V1", "not CHECKed", (Site("src/vm.c", 77, "NULL", "a VM is initialised at boot", INITIAL),)),
    StateWrite("V2", "CHECK", (Site(LOAD, 423, "CREATED", "the primary VM was loaded (hypervisor only)"),)),
    StateWrite("V3", "CHECK", (Site(LOAD, 857, "CREATED", "a secondary VM or SP was loaded"),)),
    StateWrite("V4", "result ignored", (Site(PSCI, 166, "RUNNING", "CPU 0 comes up and boots the first SP"),)),
    StateWrite(
        "V5",
        "result ignored",
        (Site(CPU_CYCLES, 340, "RUNNING", "on CPU 0, an SP has initialised and the next one's vCPU is CREATED"),),
    ),
    StateWrite(
        "V6",
        "result ignored",
        (Site(API, 1354, "RUNNING", "FFA_RUN on CPU 0 of a VM's vCPU that is CREATED (hypervisor only)"),),
    ),
    StateWrite(
        "V7", "CHECK", (Site(HANDLER, 1131, "ABORTING", "FFA_ABORT by an SP, or a fatal fault of an S-EL0 SP"),)
    ),
    StateWrite(
        "V8",
        "CHECK",
        (Site(CPU_CYCLES, 861, "ABORTING", "FFA_ERROR(ABORTED) of a vCPU whose runtime model is SP_INIT"),),
    ),
    StateWrite("R1", "any prior state", (Site(VCPU, 77, "CREATED", "a vCPU is initialised at boot", INITIAL),)),
    StateWrite(
        "R2",
        "any prior state; with a return value to deliver, CHECK that registers are available and assert "
        "WAITING or BLOCKED",
        (
            Site(VCPU, 364, "RUNNING", "vcpu_set_running"),
            Site(API, 1437, "RUNNING", "FFA_RUN resumes its target"),
            Site(INTERRUPTS, 292, "RUNNING", "a secure interrupt's target was WAITING, its registers saved"),
            Site(INTERRUPTS, 333, "RUNNING", "a secure interrupt's target was BLOCKED, earlier in the call chain"),
            Site(INTERRUPTS, 579, "RUNNING", "a non-secure interrupt hands back to the caller in the call chain"),
            Site(INTERRUPTS, 807, "RUNNING", "a vCPU about to wait has an interrupt pending"),
            Site(CPU_CYCLES, 214, "RUNNING", "a secure interrupt is handled: the preempted vCPU goes on"),
        ),
    ),
    StateWrite(
        "R3",
        "any prior state",
        (
            Site(VCPU, 664, "RUNNING", "vcpu_dir_req_set_state"),
            Site(API, 3060, "RUNNING", "a direct request's receiver, known to be WAITING"),
            Site(DIRECT_MESSAGING, 339, "RUNNING", "an SP is told of CPU_OFF"),
        ),
    ),
    StateWrite(
        "R4",
        "before the test for a vCPU that runs elsewhere",
        (Site(API, 1281, "ABORTED", "FFA_RUN, target's VM ABORTING, target not NULL, STOPPED or ABORTED"),),
    ),
    StateWrite(
        "R5",
        "any prior state, no VM or vCPU lock",
        (Site(DIRECT_MESSAGING, 404, "OFF", "CPU_OFF succeeds: every MP SP's vCPU of this CPU"),),
    ),
    StateWrite(
        "R6", "any prior state", (Site(PSCI, 80, "WAITING", "a CPU comes up with no SP to boot: other world's vCPU"),)
    ),
    StateWrite(
        "S1",
        "CHECK",
        (
            Site(VCPU, 87, "CREATED", "vcpu_prepare"),
            Site(VCPU, 137, "CREATED", "a secondary's vCPU is OFF, CREATED or NULL and is to start"),
            Site(LOAD, 420, "CREATED", "the primary VM is loaded (hypervisor only)"),
            Site(LOAD, 825, "CREATED", "a secondary VM or SP is loaded"),
            Site(PSCI, 147, "CREATED", "a CPU comes up and boots its first SP"),
            Site(PSCI_HANDLER, 172, "CREATED", "PSCI CPU_ON by the primary VM"),
            Site(PSCI_HANDLER, 326, "CREATED", "PSCI CPU_ON by a secondary VM"),
        ),
    ),
    StateWrite(
        "S2",
        "CHECK",
        (
            Site(API, 146, "WAITING", "api_switch_to_vm: current, to the state its caller says"),
            Site(API, 214, "PREEMPTED", "a non-secure interrupt preempts current"),
            Site(API, 234, "BLOCKED_INTERRUPT", "WFI of a VM"),
            Site(API, 255, "OFF", "PSCI CPU_OFF of a VM"),
            Site(API, 337, "BLOCKED", "PSCI CPU_ON by a secondary VM: the primary VM is to run the target"),
            Site(CPU_CYCLES, 242, "WAITING", "FFA_MSG_WAIT at the end of initialisation or of FFA_RUN"),
            Site(CPU_CYCLES, 500, "BLOCKED", "FFA_YIELD to the normal world's direct request"),
            Site(CPU_CYCLES, 509, "BLOCKED", "FFA_YIELD to an SP's direct request"),
            Site(CPU_CYCLES, 539, "BLOCKED", "FFA_YIELD after FFA_RUN"),
            Site(CPU_CYCLES, 873, "ABORTED", "FFA_ERROR(ABORTED) by the last SP to initialise"),
            Site(CPU_CYCLES, 897, "ABORTED", "abort: back to the normal world"),
            Site(API, 3110, "WAITING", "direct response to the normal world or EL3"),
            Site(API, 3117, "WAITING", "direct response to the primary VM (hypervisor only)"),
            Site(API, 3125, "WAITING", "direct response to an SP"),
            Site(DIRECT_MESSAGING, 612, "OFF", "an SP refuses CPU_OFF"),
            Site(DIRECT_MESSAGING, 667, "OFF", "the last SP has accepted CPU_OFF"),
            Site(HYPERVISOR_CYCLES, 126, "BLOCKED", "FFA_YIELD of a VM"),
            Site(
                HYPERVISOR_CYCLES,
                147,
                "ABORTED",
                "abort in the hypervisor",
                "undefined behaviour there: prototype and definition disagree",
            ),
            Site(INDIRECT, 160, "WAITING", "FFA_MSG_WAIT of a VM without messages"),
            Site(INDIRECT, 192, "BLOCKED", "FFA_MSG_SEND to the primary VM", NO_MAILBOX),
            Site(INDIRECT, 218, "BLOCKED", "FFA_MSG_SEND between secondary VMs", NO_MAILBOX),
        ),
    ),
    StateWrite(
        "S3",
        "CHECK; RUNNING follows (R2) before any lock is released",
        (Site(API, 1351, "STARTING", "FFA_RUN of a VM's vCPU that is CREATED (hypervisor only)"),),
    ),
    StateWrite("S4", "CHECK", (Site(API, 1523, "BLOCKED", "FFA_RUN: current, its target being RUNNING"),)),
    StateWrite(
        "S5",
        "CHECK, before the tests for a busy receiver, the runtime model and the receiver's state",
        (Site(API, 2990, "ABORTED", "direct request, receiver's VM ABORTING, receiver not NULL, ABORTED or STOPPED"),),
    ),
    StateWrite("S6", "CHECK", (Site(API, 3066, "BLOCKED", "direct request: current, its receiver being RUNNING"),)),
    StateWrite(
        "S7",
        "CHECK; registers stay available",
        (Site(API, 3303, "RUNNING", "direct response: the vCPU it goes to"),),
    ),
    StateWrite(
        "S8",
        "result ignored; registers stay available",
        (Site(CPU_CYCLES, 518, "RUNNING", "FFA_YIELD to an SP's direct request: that SP's vCPU"),),
    ),
    StateWrite("S9", "CHECK", (Site(CPU_CYCLES, 212, "WAITING", "a secure interrupt is handled: current"),)),
    StateWrite(
        "S10",
        "CHECK",
        (
            Site(CPU_CYCLES, 309, "WAITING", "initialisation of an SP has ended on this CPU: current"),
            Site(CPU_CYCLES, 348, "STARTING", "and the next SP's vCPU is to initialise"),
        ),
    ),
    StateWrite("S11", "CHECK", (Site(PSCI, 151, "STARTING", "a CPU comes up and boots its first SP"),)),
    StateWrite(
        "S12",
        "CHECK; ABORTED again follows (S2) before the vCPU's lock is released",
        (
            Site(HANDLER, 1138, "ABORTED", "abort"),
            Site(HANDLER, 1151, "STOPPED", "abort, resources reclaimed"),
        ),
    ),
    StateWrite(
        "S13",
        "CHECK",
        (
            Site(INTERRUPTS, 138, "PREEMPTED", "a secure interrupt preempts current, or a call is intercepted"),
            Site(INTERRUPTS, 566, "PREEMPTED", "a non-secure interrupt preempts current inside a call chain"),
        ),
    ),
    StateWrite("S14", "CHECK", (Site(DIRECT_MESSAGING, 629, "OFF", "an SP has accepted CPU_OFF: current"),)),
)
