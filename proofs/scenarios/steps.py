"""The steps of a scenario file: for each call, its arguments, and the action of the model that it is."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from model.environment import Action, Argument
from model.topology_file import MAX_CPUS
from model.values import (
    HF_NWD_VM_ID,
    HF_SPMC_VM_ID,
    HF_SPMD_VM_ID,
    DirectMessage,
    FfaError,
    Framework,
    Func,
    PsciStatus,
    ffa_is_vm_id,
)
from model.variables import Key, vm_key

CpuIndex = Annotated[int, Meta(ge=0, lt=MAX_CPUS)]
VmName = Annotated[str, Meta(pattern="^0x[0-9a-f]{1,4}$")]
VcpuName = Annotated[str, Meta(pattern=r"^0x[0-9a-f]{1,4}\.(0|[1-9][0-9]{0,4})$")]
DeviceInterrupt = Annotated[int, Meta(ge=32, le=1019)]


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="call"):
    """A call on a CPU by the vCPU that executes there, and what is expected of it."""

    operation: ClassVar[str]
    by: ClassVar[Literal["current", "saving"] | None] = "current"
    """Which vCPU of the CPU acts; None if none does."""

    cpu: CpuIndex
    save: Literal["implicit", "explicit"] = "implicit"
    outcome: Literal["return", "disabled", "panic", "assert", "deadlock", "crash", "reset"] = "return"
    where: str | None = None
    reply: str | None = None
    runs: str | None = None
    sees: str | None = None
    refused: list[str] | None = None
    state: dict[str, dict[str, str]] = {}

    def action(self, actor: Key | None) -> Action:
        """The action of the model that this step is when `actor` acts."""
        return Action(self.operation, self.cpu, actor, self.arguments(actor))

    def arguments(self, actor: Key | None) -> tuple[Argument, ...]:
        """The arguments of the operation."""
        return ()


class Load(Step, frozen=True, tag="LOAD"):
    """The image loads every partition; with `failing`, that one fails late."""

    operation = "load_vms"
    by = None
    failing: VmName | None = None

    def arguments(self, actor: Key | None) -> tuple[Argument, ...]:
        return () if self.failing is None else (vm_key(int(self.failing, 16)),)


class CpuOn(Step, frozen=True, tag="CPU_ON"):
    """EL3 enters the image on the CPU: cold boot of CPU 0, else PSCI CPU_ON."""

    operation = "plat_psci_cpu_resume"
    by = None


class CpuOff(Step, frozen=True, tag="CPU_OFF"):
    """EL3 asks the SPMC to let the CPU go off."""

    operation = "api_ffa_msg_send_direct_req"

    def arguments(self, actor: Key | None) -> tuple[Argument, ...]:
        return (DirectMessage(Func.DIRECT_REQ, HF_SPMD_VM_ID, HF_SPMC_VM_ID, Framework.PSCI_CPU_OFF),)


class CpuOffResponse(Step, frozen=True, tag="CPU_OFF_RESP"):
    """An SP answers CPU_OFF."""

    operation = "api_ffa_msg_send_direct_resp"
    status: PsciStatus = PsciStatus.SUCCESS

    def arguments(self, actor: Key | None) -> tuple[Argument, ...]:
        return (DirectMessage(Func.DIRECT_RESP, _own_id(actor), HF_SPMC_VM_ID, Framework.PSCI_RESP, self.status),)


class Run(Step, frozen=True, tag="FFA_RUN"):
    """FFA_RUN of a vCPU."""

    operation = "api_ffa_run"
    target: VcpuName

    def arguments(self, actor: Key | None) -> tuple[Argument, ...]:
        vm_id, _, index = self.target.partition(".")
        return int(vm_id, 16), int(index)


class DirectStep(Step, frozen=True):
    """A direct message to a partition, in the caller's own name unless `sender` says otherwise."""

    func: ClassVar[Func]
    target: VmName
    sender: VmName | None = None

    def arguments(self, actor: Key | None) -> tuple[Argument, ...]:
        sender = _own_id(actor) if self.sender is None else int(self.sender, 16)
        return (DirectMessage(self.func, sender, int(self.target, 16)),)


class DirectReq(DirectStep, frozen=True, tag="FFA_MSG_SEND_DIRECT_REQ"):
    """FFA_MSG_SEND_DIRECT_REQ."""

    operation = "api_ffa_msg_send_direct_req"
    func = Func.DIRECT_REQ


class DirectReq2(DirectStep, frozen=True, tag="FFA_MSG_SEND_DIRECT_REQ2"):
    """FFA_MSG_SEND_DIRECT_REQ2."""

    operation = "api_ffa_msg_send_direct_req"
    func = Func.DIRECT_REQ2


class DirectResp(DirectStep, frozen=True, tag="FFA_MSG_SEND_DIRECT_RESP"):
    """FFA_MSG_SEND_DIRECT_RESP."""

    operation = "api_ffa_msg_send_direct_resp"
    func = Func.DIRECT_RESP


class DirectResp2(DirectStep, frozen=True, tag="FFA_MSG_SEND_DIRECT_RESP2"):
    """FFA_MSG_SEND_DIRECT_RESP2."""

    operation = "api_ffa_msg_send_direct_resp"
    func = Func.DIRECT_RESP2


class MsgWait(Step, frozen=True, tag="FFA_MSG_WAIT"):
    """FFA_MSG_WAIT."""

    operation = "api_ffa_msg_wait"


class Yield(Step, frozen=True, tag="FFA_YIELD"):
    """FFA_YIELD."""

    operation = "api_yield"


class Abort(Step, frozen=True, tag="FFA_ABORT"):
    """FFA_ABORT, or a fatal fault of an S-EL0 partition."""

    operation = "api_ffa_abort"


class Error(Step, frozen=True, tag="FFA_ERROR"):
    """FFA_ERROR."""

    operation = "ffa_cpu_cycles_error_32"
    code: FfaError = FfaError.ABORTED

    def arguments(self, actor: Key | None) -> tuple[Argument, ...]:
        return (self.code,)


class SecureInterrupt(Step, frozen=True, tag="SECURE_INTERRUPT"):
    """A secure device interrupt is taken."""

    operation = "ffa_interrupts_handle_secure_interrupt"
    interrupt: DeviceInterrupt

    def arguments(self, actor: Key | None) -> tuple[Argument, ...]:
        return (self.interrupt,)


class NonSecureInterrupt(Step, frozen=True, tag="NON_SECURE_INTERRUPT"):
    """A non-secure interrupt arrives while an SP executes."""

    operation = "fiq_lower"


class InterruptGet(Step, frozen=True, tag="HF_INTERRUPT_GET"):
    """An SP takes its first pending virtual interrupt."""

    operation = "api_interrupt_get"


class RegistersSaved(Step, frozen=True, tag="REGISTERS_SAVED"):
    """The context switch has saved the registers of the vCPU that ran before."""

    operation = "api_regs_state_saved"
    by = "saving"


AnyStep = (
    Load
    | CpuOn
    | CpuOff
    | CpuOffResponse
    | Run
    | DirectReq
    | DirectReq2
    | DirectResp
    | DirectResp2
    | MsgWait
    | Yield
    | Abort
    | Error
    | SecureInterrupt
    | NonSecureInterrupt
    | InterruptGet
    | RegistersSaved
)


def _own_id(actor: Key | None) -> int:
    """In whose name a vCPU sends: its partition's, or for the normal world that of its VM."""
    return HF_NWD_VM_ID if actor is None or ffa_is_vm_id(actor.first) else actor.first
