"""Recorded vectors: one operation as executed by Hafnium's own C code (docs/formats.md, "Vectors")."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec

from model.topology import Partition, PartitionKind, Topology
from model.values import (
    ARM_SEL2_TIMER_PHYS_INT,
    HF_IPI_INTID,
    HF_MANAGED_EXIT_INTID,
    HF_VIRTUAL_TIMER_INTID,
    InterruptAction,
    World,
)


class VectorError(ValueError):
    """A vector file is malformed; the message is one sentence naming file and line."""


class Struct(msgspec.Struct, forbid_unknown_fields=True):
    """Base of the file structures: unknown fields are refused."""


class RecordedVm(Struct):
    """One partition of a vector's topology."""

    id: str
    kind: Literal["sp", "vm", "primary", "other_world"]
    vcpus: Literal[1, 2]
    el0: bool
    lifecycle_support: bool
    boot_order: int = 0
    cpu_off_subscribed: bool = False
    sri_intr_while_waiting: bool = False
    sri_intr_pending_entry_wait: bool = False
    ns_interrupts_action: Literal["QUEUED", "ME", "SIGNALED"] = "QUEUED"
    other_s_interrupts_action: Literal["QUEUED", "SIGNALED"] = "QUEUED"
    interrupts: list[int] = []


class RecordedTopology(Struct):
    """The CPUs and partitions of a vector."""

    cpus: Literal[1, 2]
    vms: list[RecordedVm]


class RecordedOp(Struct):
    """The C function called, on which CPU, by which vCPU, with which arguments."""

    name: str
    cpu: int
    current: str | None
    args: dict[str, Any]


class VmFields(Struct):
    """Fields of a VM; in `post`, only those that changed."""

    state: str | msgspec.UnsetType = msgspec.UNSET
    aborting: bool | msgspec.UnsetType = msgspec.UNSET


class VcpuFields(Struct):
    """Fields of a vCPU; in `post`, only those that changed."""

    state: str | msgspec.UnsetType = msgspec.UNSET
    rt_model: str | msgspec.UnsetType = msgspec.UNSET
    scheduling_mode: str | msgspec.UnsetType = msgspec.UNSET
    regs_available: bool | msgspec.UnsetType = msgspec.UNSET
    cpu: int | None | msgspec.UnsetType = msgspec.UNSET
    dir_req_origin: str | None | msgspec.UnsetType = msgspec.UNSET
    dir_req2: bool | msgspec.UnsetType = msgspec.UNSET
    dir_req_framework: bool | msgspec.UnsetType = msgspec.UNSET
    pwr_mgmt_op: str | msgspec.UnsetType = msgspec.UNSET
    preempted_vcpu: str | None | msgspec.UnsetType = msgspec.UNSET
    call_chain_prev: str | None | msgspec.UnsetType = msgspec.UNSET
    call_chain_next: str | None | msgspec.UnsetType = msgspec.UNSET
    processing_managed_exit: bool | msgspec.UnsetType = msgspec.UNSET
    vint_enabled_pending: int | msgspec.UnsetType = msgspec.UNSET
    vint_pending: list[int] | msgspec.UnsetType = msgspec.UNSET
    vint_enabled: list[int] | msgspec.UnsetType = msgspec.UNSET
    prev_priority: int | msgspec.UnsetType = msgspec.UNSET


class CpuFields(Struct):
    """Fields of a CPU; in `post`, only those that changed."""

    current: str | None | msgspec.UnsetType = msgspec.UNSET
    last_sp_initialized: bool | msgspec.UnsetType = msgspec.UNSET
    is_on: bool | msgspec.UnsetType = msgspec.UNSET
    sri_delayed: bool | msgspec.UnsetType = msgspec.UNSET
    pmr: int | msgspec.UnsetType = msgspec.UNSET


class RecordedState(Struct):
    """A state before an operation, or what the operation changed."""

    vm: dict[str, VmFields]
    vcpu: dict[str, VcpuFields]
    cpu: dict[str, CpuFields]


class RecordedReply(Struct):
    """A struct ffa_value."""

    func: str
    code: str | None = None
    arg1: str | int | None = None
    arg2: str | int | None = None
    arg3: str | int | None = None


class Vector(Struct):
    """One recorded operation."""

    vid: str
    family: str
    variant: Literal["spmc", "hypervisor"]
    topology: RecordedTopology
    op: RecordedOp
    pre: RecordedState
    post: RecordedState
    outcome: Literal["return", "panic", "assert", "deadlock", "crash"]
    ret: RecordedReply | bool | None = None
    next: str | None = None
    message: str = ""
    delivered: dict[str, RecordedReply] = {}
    effects: list[str] = []
    locks_held: list[str] = []
    regs_reset: list[str] = []
    config: Any = None
    trace: int | None = None
    step: int | None = None
    last: bool | None = None
    anomaly: str | None = None


_DECODER = msgspec.json.Decoder(Vector)


def read_vectors(path: Path) -> Iterator[tuple[int, Vector]]:
    """The vectors of a file (JSON lines, gzip'ed or not) with their line numbers.

    Raises VectorError for the first line that is not a well-formed vector, and for a truncated file.
    """
    number = 0
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
            for number, line in enumerate(stream, 1):
                yield number, _DECODER.decode(line)
    except msgspec.DecodeError as error:
        raise VectorError(f"{path}:{number}: not a vector: {error}") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise VectorError(f"{path}:{number + 1}: truncated or damaged gzip file: {error}") from error
    except OSError as error:
        raise VectorError(f"{path}: cannot be read: {error.strerror or error}") from error


def topology_of(vector: Vector) -> Topology:
    """The topology of a vector.  The interrupts that the SP has enabled are part of its state, not of this."""
    partitions = tuple(
        Partition(
            id=int(vm.id, 16),
            kind=PartitionKind(vm.kind),
            vcpu_count=vm.vcpus,
            el0=vm.el0,
            lifecycle_support=vm.lifecycle_support,
            cpu_off_subscribed=vm.cpu_off_subscribed,
            sri_intr_while_waiting=vm.sri_intr_while_waiting,
            sri_intr_pending_entry_wait=vm.sri_intr_pending_entry_wait,
            ns_interrupts_action=InterruptAction[vm.ns_interrupts_action],
            other_s_interrupts_action=InterruptAction[vm.other_s_interrupts_action],
            interrupts=tuple(vm.interrupts),
            interrupts_enabled=False,
        )
        for vm in vector.topology.vms
    )
    return Topology("recorded", World(vector.variant), vector.topology.cpus, partitions)


def interrupt_ids(vector: Vector) -> tuple[int, ...]:
    """Every virtual interrupt that the vector's operation can meet."""
    ids = {HF_MANAGED_EXIT_INTID} if any(vm.ns_interrupts_action == "ME" for vm in vector.topology.vms) else set()
    for fields in vector.pre.vcpu.values():
        for field in (fields.vint_pending, fields.vint_enabled):
            if field is not msgspec.UNSET:
                ids.update(field)
    intid = vector.op.args.get("intid")
    if intid == ARM_SEL2_TIMER_PHYS_INT:
        ids.add(HF_VIRTUAL_TIMER_INTID)
    elif intid == HF_IPI_INTID:
        ids.add(HF_IPI_INTID)
    return tuple(sorted(ids))
