"""Scenario files (docs/scenarios.md): reading one, and refusing it whole if anything in it cannot be."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from model.topology import BUILT_IN, MAX_CPUS, MAX_PARTITIONS, Partition, PartitionKind, Topology
from model.values import HF_MANAGED_EXIT_INTID, FfaError, FfaValue, Func, InterruptAction, PsciStatus, World
from model.variables import Layout, Variable
from proofs.scenarios.steps import AnyStep, CpuIndex, DeviceInterrupt, DirectStep, Load, Step
from proofs.traces.trace import value_text

NONE = "none"
"""What a file writes for no reply, no vCPU, no delivered value."""

FINAL = frozenset({"panic", "assert", "deadlock", "crash", "reset"})
"""The outcomes after which nothing can happen any more."""

VALUES = frozenset(
    str(value)
    for value in (
        NONE,
        *(FfaValue(func) for func in Func),
        *(FfaValue(Func.ERROR, code) for code in FfaError),
        *(FfaValue(Func.DIRECT_RESP, status=status) for status in PsciStatus),
    )
)
"""Everything a caller can find in its registers, as files write it."""


class ScenarioError(ValueError):
    """A scenario file is malformed; the message is one sentence naming the place."""


class InlineTopology(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `[topology]` table: as a topology file, but without version and name."""

    cpus: Annotated[int, Meta(ge=1, le=MAX_CPUS)]
    partition: Annotated[list[InlinePartition], Meta(min_length=1, max_length=MAX_PARTITIONS)]


class InlinePartition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `[[topology.partition]]`; the boot order is that of the file."""

    id: Annotated[int, Meta(ge=0x8001, le=0x8FFF)]
    vcpus: Literal["UP", "MP"] = "UP"
    el0: bool = False
    lifecycle_support: bool = False
    cpu_off_subscribed: bool = False
    sri_intr_while_waiting: bool = False
    sri_intr_pending_entry_wait: bool = False
    ns_interrupts_action: InterruptAction = InterruptAction.QUEUED
    other_s_interrupts_action: Literal[InterruptAction.QUEUED, InterruptAction.SIGNALED] = InterruptAction.QUEUED
    interrupts: Annotated[tuple[DeviceInterrupt, ...], Meta(max_length=2)] = ()
    interrupts_enabled: bool = True
