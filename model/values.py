"""The vocabulary of the modelled C code: states, runtime models, function and error names.

Names are the C enumerators at upstream e624cb1172df without their common prefix.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from model.machine import Vcpu


class World(Enum):
    """Which image is built (upstream's SECURE_WORLD)."""

    SPMC = "spmc"
    HYPERVISOR = "hypervisor"


class VmState(Enum):
    """inc/hf/vm.h: enum vm_state."""

    NULL = "NULL"
    CREATED = "CREATED"
    RUNNING = "RUNNING"
    ABORTING = "ABORTING"


class VcpuState(Enum):
    """inc/hf/vcpu.h: enum vcpu_state."""

    OFF = "OFF"
    RUNNING = "RUNNING"
    WAITING = "WAITING"
    BLOCKED = "BLOCKED"
    PREEMPTED = "PREEMPTED"
    BLOCKED_INTERRUPT = "BLOCKED_INTERRUPT"
    ABORTED = "ABORTED"
    NULL = "NULL"
    STOPPED = "STOPPED"
    CREATED = "CREATED"
    STARTING = "STARTING"
    STOPPING = "STOPPING"


class RuntimeModel(Enum):
    """inc/hf/vcpu.h: enum partition_runtime_model."""

    NONE = "NONE"
    FFA_RUN = "FFA_RUN"
    FFA_DIR_REQ = "FFA_DIR_REQ"
    SEC_INTERRUPT = "SEC_INTERRUPT"
    SP_INIT = "SP_INIT"


class SchedulingMode(Enum):
    """inc/hf/vcpu.h: enum schedule_mode."""

    NONE = "NONE"
    NWD_MODE = "NWD_MODE"
    SPMC_MODE = "SPMC_MODE"


class PowerOperation(Enum):
    """inc/hf/vcpu.h: enum power_mgmt_operation."""

    NONE = "NONE"
    CPU_OFF = "CPU_OFF"


class PriorityMask(Enum):
    """The GIC priority mask the SPMC programs: which physical interrupts can be taken."""

    OPEN = 255
    NS_MASKED = 128
    ALL_MASKED = 0


class InterruptAction(Enum):
    """Manifest actions for non-secure and other-secure interrupts."""

    QUEUED = "QUEUED"
    ME = "ME"
    SIGNALED = "SIGNALED"


class Func(Enum):
    """FF-A function names without the _32/_64 suffix, as replies carry them."""

    ERROR = "FFA_ERROR"
    SUCCESS = "FFA_SUCCESS"
    INTERRUPT = "FFA_INTERRUPT"
    MSG_WAIT = "FFA_MSG_WAIT"
    YIELD = "FFA_YIELD"
    RUN = "FFA_RUN"
    ABORT = "FFA_ABORT"
    DIRECT_REQ = "FFA_MSG_SEND_DIRECT_REQ"
    DIRECT_REQ2 = "FFA_MSG_SEND_DIRECT_REQ2"
    DIRECT_RESP = "FFA_MSG_SEND_DIRECT_RESP"
    DIRECT_RESP2 = "FFA_MSG_SEND_DIRECT_RESP2"
    WAIT_FOR_INTERRUPT = "HF_FFA_RUN_WAIT_FOR_INTERRUPT"


class FfaError(Enum):
    """FF-A error codes (inc/vmapi/hf/ffa.h: enum ffa_error)."""

    NOT_SUPPORTED = "NOT_SUPPORTED"
    INVALID_PARAMETERS = "INVALID_PARAMETERS"
    NO_MEMORY = "NO_MEMORY"
    BUSY = "BUSY"
    INTERRUPTED = "INTERRUPTED"
    DENIED = "DENIED"
    RETRY = "RETRY"
    ABORTED = "ABORTED"


class Framework(Enum):
    """The framework messages the model carries (FF-A power management, Table 18.6 as cited by the C)."""

    PSCI_CPU_OFF = "PSCI_CPU_OFF"
    PSCI_RESP = "PSCI_RESP"


class PsciStatus(Enum):
    """The status of a PSCI response: SUCCESS or DENIED."""

    SUCCESS = "SUCCESS"
    DENIED = "DENIED"


@dataclass(frozen=True, slots=True)
class FfaValue:
    """What a caller finds in its registers: function, error code, PSCI status of a framework response."""

    func: Func
    code: FfaError | None = None
    status: PsciStatus | None = None

    def __str__(self) -> str:
        detail = self.code or self.status
        return f"{self.func.value}({detail.value})" if detail else self.func.value


@dataclass(frozen=True, slots=True)
class DirectMessage:
    """The arguments of FFA_MSG_SEND_DIRECT_REQ/RESP and their REQ2/RESP2 forms."""

    func: Func
    sender: int
    receiver: int
    framework: Framework | None = None
    status: PsciStatus = PsciStatus.SUCCESS

    @property
    def is_framework(self) -> bool:
        """inc/vmapi/hf/ffa.h: ffa_is_framework_msg."""
        return self.framework is not None


def ffa_error(code: FfaError) -> FfaValue:
    """inc/vmapi/hf/ffa.h: ffa_error."""
    return FfaValue(Func.ERROR, code)


INTERRUPT_RETURN: Final = FfaValue(Func.INTERRUPT)
"""src/api.c: api_ffa_interrupt_return; the interrupt id is not modelled as part of the reply."""

Reply = tuple[FfaValue | None, "Vcpu | None"]
"""What an operation returns: the caller's registers and *next (None: the caller goes on)."""

PRIMARY_CPU_INDEX: Final = 0
HF_INVALID_VM_ID: Final = 0x7FFF
"""As the origin of a direct request: there is none."""
HF_HYPERVISOR_VM_ID: Final = 0x0
HF_SPMC_VM_ID: Final = 0x8000
HF_SPMD_VM_ID: Final = 0xFFFF
HF_NWD_VM_ID: Final = 0x1
"""The normal-world VM in whose name the model's normal world sends direct requests."""
EL3_SPMD_LP_ID_END: Final = HF_SPMD_VM_ID - 1
EL3_SPMD_LP_ID_START: Final = EL3_SPMD_LP_ID_END - 62

HF_VIRTUAL_TIMER_INTID: Final = 3
HF_MANAGED_EXIT_INTID: Final = 4
HF_IPI_INTID: Final = 9
ARM_SEL2_TIMER_PHYS_INT: Final = 20
SPURIOUS_INTID: Final = 1023


def ffa_is_vm_id(vm_id: int) -> bool:
    """inc/vmapi/hf/ffa.h: ffa_is_vm_id. Bit 15 clear: a VM, or the other world seen from the SPMC."""
    return vm_id & 0x8000 == 0
