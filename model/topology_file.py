"""Topologies that users describe, in a TOML file or a table of one (docs/formats.md, "Topologies")."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from model.topology import BUILT_IN, SP, Partition, Topology, spmc
from model.values import InterruptAction

MAX_CPUS = 8
MAX_PARTITIONS = 16


class TopologyError(ValueError):
    """A topology description is malformed; the message is one sentence naming the place."""


class PartitionTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One partition of a description."""

    id: Annotated[int, Meta(ge=0x8001, le=0x8FFF)]
    vcpus: Literal["UP", "MP"] = "UP"
    el0: bool = False
    lifecycle_support: bool = False
    boot_order: Annotated[int, Meta(ge=0, le=0xFFFF)] = 0xFFFF
    cpu_off_subscribed: bool = False
    sri_intr_while_waiting: bool = False
    sri_intr_pending_entry_wait: bool = False
    ns_interrupts_action: Literal["QUEUED", "ME", "SIGNALED"] = "QUEUED"
    other_s_interrupts_action: Literal["QUEUED", "SIGNALED"] = "QUEUED"
    interrupts: Annotated[tuple[Annotated[int, Meta(ge=32, le=1019)], ...], Meta(max_length=2)] = ()
    interrupts_enabled: bool = True


class TopologyTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """CPUs and partitions; those of the same boot order boot as listed."""

    cpus: Annotated[int, Meta(ge=1, le=MAX_CPUS)]
    partition: Annotated[tuple[PartitionTable, ...], Meta(min_length=1, max_length=MAX_PARTITIONS)]


class _TopologyFile(TopologyTable, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A whole file."""

    version: Literal[1]
    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,40}$")]


def load_topology(path: Path) -> Topology:
    """The SPMC topology that a TOML file describes.

    Raises TopologyError, in one sentence, for anything that is not a well-formed, consistent description.
    """
    try:
        described = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _TopologyFile)
        if described.name in BUILT_IN:
            raise TopologyError(f"name: '{described.name}' is a built-in topology; choose another")
        return described_topology(described, described.name, f"from {path.name}")
    except OSError as error:
        raise TopologyError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TopologyError(f"{path}: not a TOML file: {error}") from error
    except (msgspec.ValidationError, TopologyError) as error:
        raise TopologyError(f"{path}: {error}") from error


def described_topology(table: TopologyTable, name: str, description: str = "") -> Topology:
    """The SPMC topology of a table.  Raises TopologyError for one that Hafnium could not be given."""
    for complaint in _complaints(table):
        raise TopologyError(complaint)
    booted = sorted(table.partition, key=lambda p: p.boot_order)
    return spmc(name, table.cpus, tuple(_partition(p, table.cpus) for p in booted), description)


def _complaints(table: TopologyTable) -> Iterator[str]:
    """What Hafnium's manifest parser would refuse (src/manifest.c), and identifiers used twice."""
    identifiers = [p.id for p in table.partition]
    interrupts = [intid for p in table.partition for intid in p.interrupts]
    for what, values in (("partition id", identifiers), ("interrupt", interrupts)):
        yield from (f"{what} {value:#x} is used twice" for value in values if values.count(value) > 1)
    for p in table.partition:
        multiprocessor = p.vcpus == "MP" and table.cpus > 1
        if multiprocessor and (p.lifecycle_support or p.el0):
            yield f"partition {p.id:#x}: with lifecycle_support or el0 it must be UP"
        if p.cpu_off_subscribed and (p.el0 or not multiprocessor):
            yield f"partition {p.id:#x}: only an S-EL1 MP partition can subscribe to CPU_OFF"


def _partition(p: PartitionTable, cpus: int) -> Partition:
    return Partition(
        id=p.id,
        kind=SP,
        vcpu_count=cpus if p.vcpus == "MP" else 1,
        el0=p.el0,
        lifecycle_support=p.lifecycle_support,
        cpu_off_subscribed=p.cpu_off_subscribed,
        sri_intr_while_waiting=p.sri_intr_while_waiting,
        sri_intr_pending_entry_wait=p.sri_intr_pending_entry_wait,
        ns_interrupts_action=InterruptAction[p.ns_interrupts_action],
        other_s_interrupts_action=InterruptAction[p.other_s_interrupts_action],
        interrupts=p.interrupts,
        interrupts_enabled=p.interrupts_enabled,
    )
