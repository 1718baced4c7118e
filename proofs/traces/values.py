"""Names and values as traces print them."""

from __future__ import annotations

from enum import Enum

from model.machine import NULL
from model.values import (
    HF_INVALID_VM_ID,
    HF_SPMC_VM_ID,
    HF_SPMD_VM_ID,
    FfaValue,
    ffa_is_vm_id,
)
from model.variables import LOGICAL_PARTITION_ID, Key, Variable


def value_text(value: object) -> str | None:
    """A value of a field as reports print it; None for something that is not a value."""
    match value:
        case None:
            return "none"
        case Enum():
            return value.name
        case bool():
            return "true" if value else "false"
        case int():
            return "none" if value == HF_INVALID_VM_ID else str(value) if value < HF_SPMC_VM_ID else f"{value:#x}"
        case tuple():
            return "[" + ", ".join(str(item) for item in value) + "]"
        case Key():
            return object_text(value)
        case str() | FfaValue():
            return str(value)
    return "none" if value is NULL else None


def field_text(variable: Variable, position: int) -> str:
    """The value of a field at a position of its domain."""
    value = variable.domain[position]
    if variable.field == "dir_req_origin" and value != HF_INVALID_VM_ID:
        return f"{value:#x}"
    return value_text(value) or repr(value)


def object_text(key: Key) -> str:
    """An object's name as trace files and commands write it: `vm 0x8001`, `vcpu 0x8001.0`, `cpu 1`."""
    return f"{key.kind} {key}"


def partition_name(vm_id: int, is_spmc: bool) -> str:
    """A partition, or whoever else sends messages, as a maintainer calls it."""
    if is_spmc and ffa_is_vm_id(vm_id):
        return "NWd" if vm_id == 0 else f"NWd VM {vm_id:#x}"
    named = {
        0x1: "primary VM",
        HF_SPMC_VM_ID: "SPMC",
        HF_SPMD_VM_ID: "SPMD",
        LOGICAL_PARTITION_ID: f"EL3 LP {vm_id:#x}",
    }
    return named.get(vm_id) or (f"VM {vm_id:#x}" if ffa_is_vm_id(vm_id) else f"SP {vm_id:#x}")


def party(key: Key, is_spmc: bool) -> str:
    """A VM, vCPU or CPU as a maintainer calls it: `SP 0x8001 vCPU 0`, `NWd`, `CPU1`."""
    if key.kind == "cpu":
        return f"CPU{key.first}"
    name = partition_name(key.first, is_spmc)
    return name if key.kind == "vm" or name in ("NWd", "SPMC") else f"{name} vCPU {key.second}"
