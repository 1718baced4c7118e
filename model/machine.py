"""The machine the operations run on: VM, vCPU and CPU handles, locks, CHECK, assert, windows.

Operations read and write fields of handles (`vcpu.state`), and use the services of `Machine`. What a
read yields, a plain value or a symbolic one, is decided by the reading (model/readings.py).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from types import FrameType
from typing import Any, Final, Generic, NoReturn, TypeVar, cast, overload

from model.topology import Partition, PartitionKind, Topology
from model.values import (
    FfaValue,
    PowerOperation,
    PriorityMask,
    RuntimeModel,
    SchedulingMode,
    VcpuState,
    VmState,
    World,
    ffa_is_vm_id,
)
from model.variables import Key, Layout, Value, cpu_key, vcpu_key, vm_key
from model.variants import VARIANTS

T = TypeVar("T")


class Outcome(Enum):
    """How a section of an operation ends."""

    RETURN = "return"
    SUSPENDED = "suspended"
    PANIC = "panic"
    ASSERT = "assert"
    DEADLOCK = "deadlock"
    CRASH = "crash"
    RESET = "reset"
    BLOCKED = "blocked"
    DISABLED = "disabled"

    @property
    def is_failure(self) -> bool:
        """True for the outcomes that stop the SPMC: CHECK, panic(), assert, self-deadlock, NULL dereference."""
        return self in _FAILURES


_FAILURES: Final = {Outcome.PANIC, Outcome.ASSERT, Outcome.DEADLOCK, Outcome.CRASH}


class Halt(Exception):
    """The operation cannot go on: a failed check, or a lock another CPU holds."""

    def __init__(self, outcome: Outcome, where: str):
        super().__init__(where)
        self.outcome = outcome
        self.where = where


class Suspend(Exception):
    """The operation reached a window at which other CPUs may run, or a join (no name); `frames` are where it stands."""

    def __init__(self, window: str, frames: list[FrameType]):
        super().__init__(window)
        self.window = window
        self.frames = frames


class _Null:
    """The C NULL pointer: compares equal to itself only; reading through it is a crash."""

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise Halt(Outcome.CRASH, f"NULL pointer dereference reading {name}")

    def __repr__(self) -> str:
        return "NULL"


NULL: Final[Any] = _Null()


class Field(Generic[T]):
    """A state variable of a handle: reading and writing it goes to the machine's reading."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, handle: None, owner: type) -> Field[T]: ...
    @overload
    def __get__(self, handle: Handle, owner: type) -> T: ...
    def __get__(self, handle: Handle | None, owner: type) -> Field[T] | T:
        if handle is None:
            return self
        return cast(T, handle.machine.get(handle.slots[self.name]))

    def __set__(self, handle: Handle, value: T) -> None:
        handle.machine.set(handle.slots[self.name], value)


class Handle:
    """An object of the machine; `slots` maps field names to state variables."""

    lock: Field[Any]

    def __init__(self, machine: Machine, key: Key):
        self.machine = machine
        self.key = key
        self.slots = {
            name: machine.layout.by_name[key, name].index
            for klass in type(self).__mro__
            for name, item in vars(klass).items()
            if isinstance(item, Field) and (key, name) in machine.layout.by_name
        }

    def __repr__(self) -> str:
        return f"{self.key.kind} {self.key}"


class Vm(Handle):
    """struct vm (inc/hf/vm.h): lifecycle state (before the patch also a flag), lock, and what the manifest fixed."""

    state: Field[VmState] = Field()
    lock: Field[Any] = Field()
    aborting: Field[bool] = Field()

    def __init__(self, machine: Machine, partition: Partition):
        super().__init__(machine, vm_key(partition.id))
        self.partition = partition
        self.id = partition.id
        self.vcpu_count = partition.vcpu_count
        self.vcpus = tuple(Vcpu(machine, self, index) for index in range(partition.vcpu_count))


class Vcpu(Handle):
    """struct vcpu (inc/hf/vcpu.h)."""

    state: Field[VcpuState] = Field()
    rt_model: Field[RuntimeModel] = Field()
    scheduling_mode: Field[SchedulingMode] = Field()
    regs_available: Field[bool] = Field()
    cpu: Field[Any] = Field()
    dir_req_origin: Field[int] = Field()
    dir_req2: Field[bool] = Field()
    dir_req_framework: Field[bool] = Field()
    pwr_mgmt_op: Field[PowerOperation] = Field()
    preempted_vcpu: Field[Any] = Field()
    call_chain_prev: Field[Any] = Field()
    call_chain_next: Field[Any] = Field()
    prev_interrupt_priority: Field[PriorityMask] = Field()
    processing_managed_exit: Field[bool] = Field()
    vint_pending: Field[tuple[int, ...]] = Field()
    vint_enabled: Field[tuple[int, ...]] = Field()
    lock: Field[Any] = Field()

    def __init__(self, machine: Machine, vm: Vm, index: int):
        super().__init__(machine, vcpu_key(vm.id, index))
        self.vm = vm
        self.index = index


class Cpu(Handle):
    """struct cpu (inc/hf/cpu.h), and what physically happens on the CPU.

    `current` is the vCPU that executes; `saving` the one whose registers the context switch has yet to save.
    """

    current: Field[Any] = Field()
    saving: Field[Any] = Field()
    section: Field[str] = Field()
    is_on: Field[bool] = Field()
    last_sp_initialized: Field[bool] = Field()
    priority_mask: Field[PriorityMask] = Field()
    lock: Field[Any] = Field()

    def __init__(self, machine: Machine, index: int):
        super().__init__(machine, cpu_key(index))
        self.index = index


@dataclass(slots=True)
class Labels:
    """What a section shows to the outside besides the state it writes."""

    delivered: list[tuple[Key, FfaValue]] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


class Machine(ABC):
    """What operations may use.  `cpu` is the physical CPU the operation runs on."""

    cpu: Cpu
    labels: Labels

    def __init__(self, layout: Layout, assertions: bool = True):
        """`assertions` is upstream's ENABLE_ASSERTIONS."""
        self.layout = layout
        self.topology: Topology = layout.topology
        self.assertions = assertions
        self.vms = tuple(Vm(self, partition) for partition in self.topology.partitions)
        self.cpus = tuple(Cpu(self, index) for index in range(self.topology.cpus))
        self.vm_by_id = {vm.id: vm for vm in self.vms}
        vcpus = tuple(vcpu for vm in self.vms for vcpu in vm.vcpus)
        self.handles: dict[Value, Any] = {handle.key: handle for handle in (*self.vms, *vcpus, *self.cpus)}
        self.boot_list = tuple(vm for vm in self.vms if vm.partition.kind in (PartitionKind.SP, PartitionKind.PRIMARY))
        self.loaded_vms = tuple(vm for vm in self.vms if vm.partition.kind is not PartitionKind.OTHER_WORLD)
        self.is_spmc = self.topology.world is World.SPMC
        self.primary_vm_id = 0x0 if self.is_spmc else 0x1
        self.other_world_id = 0x0 if self.is_spmc else 0x8000
        self.held: list[Handle] = []
        self.keeps_flag = layout.variants.keeps_flag
        self.keeps_state = layout.variants.keeps_state
        self._free = {variable.field: variable.index for variable in layout.variables[layout.first_variant :]}
        self._chosen = {
            (variant.name, alternative): layout.variants[variant.name] == alternative
            for variant in VARIANTS
            for alternative in variant.alternatives
        }

    def chosen(self, variant: str, alternative: str, when: Callable[[], bool] | None = None) -> bool:
        """Whether this alternative of a variant is the one that is modelled (model/variants) and `when` holds.

        `when` is asked only if the answer can depend on it, and before which alternative a free variant has.
        """
        chosen = self._chosen[variant, alternative]
        if variant not in self._free:
            return chosen and (when is None or bool(when()))
        return (when is None or bool(when())) and self.get(self._free[variant]) == alternative

    @abstractmethod
    def get(self, variable: int) -> Any:
        """The value of a state variable, as this reading knows it."""

    @abstractmethod
    def set(self, variable: int, value: Any) -> None:
        """Write a state variable."""

    @abstractmethod
    def satisfies(self, handle: Handle, name: str, predicate: Callable[[Any], bool]) -> bool:
        """Whether a field's value satisfies a predicate; one question whatever the size of the domain."""

    @abstractmethod
    def window(self, name: str) -> None:
        """A point at which other CPUs may run (state-writes section 6, as cited in docs/model.md)."""

    @abstractmethod
    def join(self) -> None:
        """A point at which the symbolic reading forgets how it got there: only local variables and writes matter."""

    def check(self, condition: object, where: str) -> None:
        """CHECK(): panics when the condition is false.  `where` is file:line at the upstream commit."""
        if not condition:
            raise Halt(Outcome.PANIC, where)

    def assert_(self, condition: object, where: str) -> None:
        """assert(): fails when the condition is false and assertions are built in."""
        if self.assertions and not condition:
            raise Halt(Outcome.ASSERT, where)

    def panic(self, message: str) -> NoReturn:
        """panic() with a message of its own."""
        raise Halt(Outcome.PANIC, message)

    def require(self, condition: object) -> None:
        """What the environment guarantees: without it, the action does not happen."""
        if not condition:
            raise Halt(Outcome.DISABLED, "")

    def crash(self, message: str) -> NoReturn:
        """The C code accesses invalid memory."""
        raise Halt(Outcome.CRASH, message)

    def hang(self, message: str) -> NoReturn:
        """The C code would loop for ever."""
        raise Halt(Outcome.DEADLOCK, message)

    def deliver(self, vcpu: Vcpu, value: FfaValue) -> None:
        """arch_regs_set_retval(): what the vCPU finds in its registers when it next runs."""
        self.labels.delivered.append((vcpu.key, value))

    def lock(self, handle: Handle) -> None:
        """sl_lock(): deadlocks when this CPU holds the lock already, blocks while another one does."""
        if handle.lock == self.cpu:
            raise Halt(Outcome.DEADLOCK, str(handle.key))
        if handle.lock != NULL:
            raise Halt(Outcome.BLOCKED, str(handle.key))
        for held in self.held:
            if not self._in_order(held, handle):
                self.labels.events.append(f"lock order: {handle!r} taken while holding {held!r}")
        self.held.append(handle)
        handle.lock = self.cpu

    def lock_both(self, first: Handle, second: Handle) -> None:
        """sl_lock_both(): the lower address first; deadlocks when both are the same lock."""
        for handle in (first, second) if self._in_order(first, second) else (second, first):
            self.lock(handle)

    def unlock(self, handle: Handle) -> None:
        """sl_unlock(): frees the lock, whoever holds it."""
        if handle.lock != self.cpu:
            self.labels.events.append(f"double release: {handle!r}")
        if handle in self.held:
            self.held.remove(handle)
        handle.lock = NULL

    def _in_order(self, held: Handle, wanted: Handle) -> bool:
        """Documented lock order (src/api.c:57): VMs before vCPUs, one kind by address (here: layout order)."""
        rank = {"vm": 0, "vcpu": 1, "cpu": 2}
        held_rank, wanted_rank = rank[held.key.kind], rank[wanted.key.kind]
        return (held_rank, held.slots["lock"]) < (wanted_rank, wanted.slots["lock"])

    def vm_find(self, vm_id: int) -> Vm | None:
        """src/vm.c: vm_find.  None where C has NULL: VM ids are never symbolic."""
        return self.vm_by_id.get(vm_id)

    def is_current_world(self, vm_id: int) -> bool:
        """src/vm.c: vm_id_is_current_world."""
        return ffa_is_vm_id(vm_id) != self.is_spmc

    def is_primary(self, vm: Vm) -> bool:
        """inc/hf/vm.h: vm_is_primary.  In the SPMC the other world has the primary VM's id."""
        return vm.id == self.primary_vm_id
