"""A concrete machine for a recorded topology, and how recorded names and values are its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import msgspec
from msgspec import UNSET

from model.machine import Vcpu, Vm
from model.readings import Concrete
from model.values import HF_INVALID_VM_ID
from model.variables import Key, Layout, Value, Variable
from model.variants import Variants
from proofs.vectors.format import CpuFields, RecordedState, Struct, VcpuFields, VectorError, VmFields
from proofs.vectors.topologies import COMMON_SENDERS, Setting, topology_of, vm_id

MOST_INTERRUPTS = 6
"""A vCPU's pending queue is an arrangement of its interrupts, and so its domain grows with their factorial."""

STRUCTURES: Final[dict[str, type[Struct]]] = {"vm": VmFields, "vcpu": VcpuFields, "cpu": CpuFields}
ABSTRACTED: Final = {"vint_enabled_pending", "sri_delayed", "prev_priority"}
"""Recorded bookkeeping that the model does not carry (docs/model.md)."""

DECIDED: Final = {
    "vm": {"state", "aborting"},
    "vcpu": {
        "state",
        "rt_model",
        "scheduling_mode",
        "regs_available",
        "cpu",
        "dir_req_origin",
        "dir_req2",
        "dir_req_framework",
        "pwr_mgmt_op",
        "preempted_vcpu",
        "call_chain_prev",
        "call_chain_next",
    },
    "cpu": {"last_sp_initialized", "is_on"},
}
"""The fields whose values after the operation a vector decides."""

OPTIONAL: Final = {
    "dir_req2",
    "dir_req_framework",
    "pwr_mgmt_op",
    "processing_managed_exit",
    "vint_pending",
    "vint_enabled",
}
"""The fields that `pre` leaves out at their default."""


class Unsupported(Exception):
    """The model has nothing to say of a vector; the message says of what in it."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a recorded field goes in a state: `place` in its structure, `index` in the state."""

    field: str
    place: int
    index: int
    positions: dict[Any, int]
    decided: bool


class Bench:
    """A concrete machine for a setting and variants, and the recorded form of its state.

    Raises VectorError for a topology that cannot be, Unsupported for too many interrupts.
    """

    def __init__(self, setting: Setting, variants: Variants):
        topology = topology_of(setting)
        for partition in topology.partitions:
            if len(setting.interrupt_ids.union(partition.interrupts)) > MOST_INTERRUPTS:
                raise Unsupported(f"more than {MOST_INTERRUPTS} virtual interrupts of a partition")
        senders = {vm_id(name) for name in COMMON_SENDERS | setting.senders} - {HF_INVALID_VM_ID}
        layout = Layout(topology, tuple(setting.interrupt_ids), tuple(senders), variants)
        self.machine = Concrete(layout)
        self._initial = layout.initial()
        self._handles = {(handle.key.kind, str(handle.key)): handle for handle in self.machine.handles.values()}
        self._slots: dict[str, dict[str, tuple[Slot, ...]]] = {
            kind: {
                name: tuple(_slots(layout, handle.key)) for (of, name), handle in self._handles.items() if of == kind
            }
            for kind in STRUCTURES
        }
        self._decided = tuple(v for v in layout.variables if v.field in DECIDED[v.owner.kind])

    def vm(self, name: str) -> Vm:
        """The VM with a recorded name, `0x8001`.  Raises VectorError if there is none."""
        vm: Vm = self._handle("vm", name)
        return vm

    def vcpu(self, name: str) -> Vcpu:
        """The vCPU with a recorded name, `0x8001.0`.  Raises VectorError if there is none."""
        vcpu: Vcpu = self._handle("vcpu", name)
        return vcpu

    def _handle(self, kind: str, name: str) -> Any:
        try:
            return self._handles[kind, name]
        except KeyError:
            raise VectorError(f"the topology has no {kind} '{name}'") from None

    def state_before(self, recorded: RecordedState) -> list[int]:
        """The state of a vector's `pre`.

        Raises VectorError for unknown names and for anything left out, Unsupported for state of another revision.
        """
        if not self.machine.keeps_flag and any(vm.aborting is not UNSET for vm in recorded.vm.values()):
            raise Unsupported("a VM's aborting flag, which only revision=before has")
        state = list(self._initial)
        for kind, objects in _by_kind(recorded):
            for name, fields in objects.items():
                values = msgspec.structs.astuple(fields)
                for slot in self._slots_of(kind, name):
                    value = values[slot.place]
                    if value is not UNSET:
                        state[slot.index] = _position(slot, kind, name, value)
                    elif slot.field not in OPTIONAL:
                        raise VectorError(f"pre leaves out {slot.field} of {kind} {name}")
            if len(objects) < len(self._slots[kind]):
                raise VectorError(f"pre leaves out {kind} {min(self._slots[kind].keys() - objects.keys())}")
        return state

    def state_after(self, before: Sequence[int], changes: RecordedState) -> list[int]:
        """The state of a vector's `post`, in the fields that it decides.  Raises VectorError for unknown names."""
        state = list(before)
        for kind, objects in _by_kind(changes):
            for name, fields in objects.items():
                values = msgspec.structs.astuple(fields)
                for slot in self._slots_of(kind, name):
                    if slot.decided and values[slot.place] is not UNSET:
                        state[slot.index] = _position(slot, kind, name, values[slot.place])
        return state

    def _slots_of(self, kind: str, name: str) -> tuple[Slot, ...]:
        try:
            return self._slots[kind][name]
        except KeyError:
            raise VectorError(f"the topology has no {kind} '{name}'") from None

    def changes(self, one: Sequence[int], other: Sequence[int], decided_only: bool) -> list[tuple[Variable, str, str]]:
        """The variables in which two states differ, with the recorded form of both values."""
        variables = self._decided if decided_only else self.machine.layout.variables
        return [
            (v, _text(v, one[v.index]), _text(v, other[v.index])) for v in variables if one[v.index] != other[v.index]
        ]


def _by_kind(recorded: RecordedState) -> tuple[tuple[str, dict[str, Any]], ...]:
    return (("vm", recorded.vm), ("vcpu", recorded.vcpu), ("cpu", recorded.cpu))


def _slots(layout: Layout, owner: Key) -> Iterator[Slot]:
    """The slots of an object's recorded fields."""
    for place, name in enumerate(STRUCTURES[owner.kind].__struct_fields__):
        variable = layout.by_name.get((owner, "priority_mask" if name == "pmr" else name))
        if variable is not None and name not in ABSTRACTED:
            positions = {_recorded(variable, value): position for position, value in enumerate(variable.domain)}
            yield Slot(name, place, variable.index, positions, name in DECIDED[owner.kind])


def _position(slot: Slot, kind: str, name: str, value: Any) -> int:
    try:
        return slot.positions[value]
    except KeyError:
        raise VectorError(f"{kind} {name}: {slot.field} cannot be {msgspec.json.encode(value).decode()}") from None


def _recorded(variable: Variable, value: Value) -> Any:
    """A value of a variable's domain as vectors write it."""
    if variable.field == "dir_req_origin":
        return None if value == HF_INVALID_VM_ID else f"{value:#x}"
    if isinstance(value, Key):
        return value.first if value.kind == "cpu" else str(value)
    return value.value if isinstance(value, Enum) else value


def _text(variable: Variable, position: int) -> str:
    recorded = _recorded(variable, variable.domain[position])
    return recorded if isinstance(recorded, str) else msgspec.json.encode(recorded).decode()
