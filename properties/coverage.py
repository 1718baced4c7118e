"""Coverage: every edge of the two transition tables is taken by some step.

That every path of every operation is feasible is not a statement about executions; it is decided where paths are.
"""

from __future__ import annotations

from model.values import VcpuState, VmState, World
from properties.language import Property, each_sp_vcpu, each_vm
from properties.scopes import Scope, each_sp
from properties.statements import BOTH_WORLDS, sometimes
from properties.vocabulary import unchanged

_LEAVES_EXECUTION = (
    VcpuState.WAITING,
    VcpuState.BLOCKED,
    VcpuState.PREEMPTED,
    VcpuState.ABORTED,
)

VM_EDGES: dict[VmState, tuple[VmState, ...]] = {
    VmState.NULL: (VmState.CREATED,),
    VmState.CREATED: (VmState.RUNNING, VmState.ABORTING),
    VmState.RUNNING: (VmState.ABORTING,),
    VmState.ABORTING: (VmState.NULL, VmState.CREATED),
}
"""The table of vm_set_state, without staying."""

VCPU_EDGES: dict[VcpuState, tuple[VcpuState, ...]] = {
    VcpuState.OFF: (VcpuState.STARTING, VcpuState.CREATED),
    VcpuState.NULL: (VcpuState.CREATED,),
    VcpuState.CREATED: (VcpuState.STARTING,),
    VcpuState.STARTING: (*_LEAVES_EXECUTION, VcpuState.STOPPING),
    VcpuState.RUNNING: (*_LEAVES_EXECUTION, VcpuState.STOPPING),
    VcpuState.STOPPING: (*_LEAVES_EXECUTION, VcpuState.STOPPED),
    VcpuState.WAITING: (VcpuState.RUNNING, VcpuState.ABORTED),
    VcpuState.BLOCKED: (VcpuState.RUNNING,),
    VcpuState.BLOCKED_INTERRUPT: (VcpuState.RUNNING,),
    VcpuState.PREEMPTED: (VcpuState.RUNNING,),
    VcpuState.ABORTED: (VcpuState.NULL, VcpuState.STOPPED),
    VcpuState.STOPPED: (VcpuState.CREATED, VcpuState.NULL, VcpuState.ABORTED),
}
"""The table of vcpu_state_set for SPs, without staying and without OFF, to which every state may go."""


def _edge(
    kind: str, over: Scope, worlds: tuple[World, ...], origin: VmState | VcpuState, target: VmState | VcpuState
) -> Property:
    table = "src/vm.c:vm_set_state" if kind == "vm" else "src/vcpu.c:vcpu_state_set"
    return sometimes(
        f"P48.{kind}.{origin.value}-{target.value}",
        f"Some {'VM' if kind == 'vm' else 'SP vCPU'} goes from {origin.value} to {target.value}",
        "The transition table allows it, so some operation takes it; an edge that none can take is dead code. "
        "Seen from outside an operation: an edge that is left again before the operation ends does not count.",
        over=over,
        happens=lambda label, before, after, old, new: (
            not unchanged(old, new, "state") and new.state == target and old.state == origin
        ),
        sources=(table,),
        worlds=worlds,
    )


EDGES: tuple[Property, ...] = (
    *(
        _edge("vm", each_vm, BOTH_WORLDS, origin, target)
        if VmState.ABORTING not in (origin, target)
        else _edge("vm", each_sp, (World.SPMC,), origin, target)
        for origin, targets in VM_EDGES.items()
        for target in targets
    ),
    *(
        _edge("vcpu", each_sp_vcpu, (World.SPMC,), origin, target)
        for origin, targets in VCPU_EDGES.items()
        for target in (*targets, *((VcpuState.OFF,) if origin is not VcpuState.OFF else ()))
    ),
)
