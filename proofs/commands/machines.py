"""`lifecycle machines`: the VM and vCPU machines as the code has them."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from proofs.commands.trace import trace_named, write_out
from proofs.files import check_writable
from proofs.traces.machine_graphs import Machines, machines_dot, machines_mermaid, machines_svg, machines_text


class MachineFormat(Enum):
    """The forms in which the machines can be shown."""

    TEXT = "text"
    SVG = "svg"
    DOT = "dot"
    MERMAID = "mermaid"


class MachineKind(Enum):
    """The machines there are."""

    VM = "vm"
    VCPU = "vcpu"


_WRITERS: dict[MachineFormat, Callable[[Machines], str]] = {
    MachineFormat.TEXT: machines_text,
    MachineFormat.SVG: machines_svg,
    MachineFormat.DOT: machines_dot,
    MachineFormat.MERMAID: machines_mermaid,
}


def machines(
    kind: Annotated[
        MachineKind | None, typer.Option("--machine", help="Only this machine.  [default: both]", show_default=False)
    ] = None,
    trace: Annotated[
        str | None, typer.Option("--trace", metavar="TRACE|FINDING", help="Mark the edges that this trace takes.")
    ] = None,
    form: Annotated[MachineFormat, typer.Option("--format", help="What to write.")] = MachineFormat.TEXT,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write it to a file.")] = None,
) -> None:
    """Show the VM and vCPU state machines: what the tables allow, which operations take it, dead edges, traps.

    What is allowed comes from calling vm_set_state and vcpu_state_set for every pair of states; what is taken, from
    executing every operation in reachable states of small topologies.
    """
    from proofs.traces.state_machines import state_machines  # not above: --help need not wait for the solver

    if output is not None:
        check_writable(output)
    overlay = None if trace is None else trace_named(trace)
    shown = [machine for machine in state_machines(overlay) if kind is None or machine.kind == kind.value]
    write_out(_WRITERS[form](shown), output)
