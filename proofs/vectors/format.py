"""Recorded vectors: one operation as executed by Hafnium's own C code (docs/formats.md, "Vectors")."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from model.topology_file import MAX_PARTITIONS
from model.values import SPURIOUS_INTID

LONGEST_LINE = 1 << 20
"""No vector is as long; without a limit, a file without line ends would have to fit into memory."""

GZIP_MAGIC = b"\x1f\x8b"

InterruptId = Annotated[int, Meta(ge=0, le=SPURIOUS_INTID)]


class VectorError(ValueError):
    """A vector file is malformed; the message is one sentence naming file and line."""


class Struct(msgspec.Struct, forbid_unknown_fields=True):
    """Base of the file structures: unknown fields are refused."""


class RecordedVm(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
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
    interrupts: tuple[InterruptId, ...] = ()


class RecordedTopology(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The CPUs and partitions of a vector, the boot list first and in boot order."""

    cpus: Literal[1, 2]
    vms: Annotated[tuple[RecordedVm, ...], Meta(max_length=MAX_PARTITIONS)]


class RecordedOp(Struct):
    """The C function called, on which CPU, by which vCPU, with which arguments (proofs/vectors/calls.py)."""

    name: str
    cpu: int
    current: str | None
    args: dict[str, Any]


class VmFields(Struct):
    """Fields of a VM; in `post`, only those that changed."""

    state: str | UnsetType = UNSET
    aborting: bool | UnsetType = UNSET


class VcpuFields(Struct):
    """Fields of a vCPU; in `post`, only those that changed."""

    state: str | UnsetType = UNSET
    rt_model: str | UnsetType = UNSET
    scheduling_mode: str | UnsetType = UNSET
    regs_available: bool | UnsetType = UNSET
    cpu: int | None | UnsetType = UNSET
    dir_req_origin: str | None | UnsetType = UNSET
    dir_req2: bool | UnsetType = UNSET
    dir_req_framework: bool | UnsetType = UNSET
    pwr_mgmt_op: str | UnsetType = UNSET
    preempted_vcpu: str | None | UnsetType = UNSET
    call_chain_prev: str | None | UnsetType = UNSET
    call_chain_next: str | None | UnsetType = UNSET
    processing_managed_exit: bool | UnsetType = UNSET
    vint_enabled_pending: int | UnsetType = UNSET
    vint_pending: tuple[InterruptId, ...] | UnsetType = UNSET
    vint_enabled: tuple[InterruptId, ...] | UnsetType = UNSET
    prev_priority: int | UnsetType = UNSET


class CpuFields(Struct):
    """Fields of a CPU; in `post`, only those that changed."""

    current: str | None | UnsetType = UNSET
    last_sp_initialized: bool | UnsetType = UNSET
    is_on: bool | UnsetType = UNSET
    sri_delayed: bool | UnsetType = UNSET
    pmr: int | UnsetType = UNSET


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
    """One recorded operation.  The last fields place a vector in an exploration and decide nothing."""

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
    trace: Any = None
    step: Any = None
    last: Any = None
    anomaly: Any = None


_DECODER = msgspec.json.Decoder(Vector)


def read_vectors(path: Path) -> Iterator[tuple[int, Vector]]:
    """The vectors of a file (JSON lines, gzip'ed or not) with their line numbers.

    Raises VectorError for the first line that is not a well-formed vector, and for a truncated or empty file.
    """
    number = 0
    try:
        with _opened(path) as stream:
            while line := stream.readline(LONGEST_LINE):
                number += 1
                if len(line) == LONGEST_LINE:
                    raise VectorError(f"{path}:{number}: not a vector: longer than {LONGEST_LINE} bytes")
                yield number, _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise VectorError(f"{path}:{number}: not a vector: {error}") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise VectorError(f"{path}:{number + 1}: truncated or damaged gzip file: {error}") from error
    except OSError as error:
        raise VectorError(f"{path}: cannot be read: {error.strerror or error}") from error
    if number == 0:
        raise VectorError(f"{path}:1: the file holds no vector")


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO | gzip.GzipFile]:
    """The file's bytes, unpacked if they are gzip'ed."""
    with path.open("rb") as raw:
        if raw.peek(len(GZIP_MAGIC)).startswith(GZIP_MAGIC):
            with gzip.GzipFile(fileobj=raw) as unpacked:
                yield unpacked
        else:
            yield raw
