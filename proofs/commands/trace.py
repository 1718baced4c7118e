"""`lifecycle trace`: replay a trace, and show it in whatever form helps."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from enum import Enum
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console, Group, RenderableType
from rich.text import Text

from model.source import UPSTREAM_COMMIT
from model.variables import Layout
from proofs.exit_codes import CommandError, ExitCode
from proofs.files import check_writable, write_atomically
from proofs.traces.comparison import compare
from proofs.traces.file_format import TraceFileError, encode
from proofs.traces.graphs import dot, mermaid
from proofs.traces.html import html_page
from proofs.traces.itf import itf
from proofs.traces.log import gdb_log
from proofs.traces.markdown import markdown
from proofs.traces.replay import load_trace
from proofs.traces.text import View, acting_cpus, render, render_state
from proofs.traces.trace import Trace
from proofs.traces.vcd import vcd
from proofs.traces.watch import Watch, WatchError, compile_watch

if TYPE_CHECKING:
    from proofs.executions import Causes

PLAIN_WIDTH = 160
WIDE = 120
"""Columns of a terminal from which on CPUs are shown side by side."""

trace_app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown")


class Format(Enum):
    """The forms in which a trace can be shown."""

    TEXT = "text"
    JSON = "json"
    ITF = "itf"
    VCD = "vcd"
    MERMAID = "mermaid"
    DOT = "dot"
    MARKDOWN = "markdown"
    HTML = "html"
    LOG = "log"


_WRITERS: dict[Format, Callable[[Trace], str]] = {
    Format.JSON: lambda trace: encode(trace.to_file()).decode(),
    Format.ITF: itf,
    Format.VCD: vcd,
    Format.MERMAID: mermaid,
    Format.DOT: dot,
    Format.MARKDOWN: markdown,
    Format.HTML: html_page,
    Format.LOG: gdb_log,
}


@trace_app.callback()
def trace() -> None:
    """Executions: replay them, read them, open them in other tools."""


@trace_app.command("replay", epilog="Example: lifecycle trace replay F01.json")
def replay(
    file: Annotated[Path, typer.Argument(metavar="TRACE", help="A trace file.")],
) -> None:
    """Run a trace again with the concrete reading and compare every step with what was recorded.

    Exit codes: 0 all as recorded, 2 wrong usage, 3 malformed, tampered with or outdated.
    """
    replayed = read(file)
    violated = f"; violates {replayed.property_id} as recorded" if replayed.property_id else ""
    typer.echo(
        f"{file}: {len(replayed)} steps replayed by the concrete reading of Hafnium {UPSTREAM_COMMIT},"
        f" all as recorded{violated}"
    )


@trace_app.command("show", epilog="Example: lifecycle trace show F01 --format html -o F01.html")
def show(
    what: Annotated[str, typer.Argument(metavar="TRACE|FINDING", help="A trace file, or the id of a finding.")],
    step: Annotated[int | None, typer.Option(min=1, metavar="N", help="Only this step, with its whole path.")] = None,
    state: Annotated[int | None, typer.Option(min=0, metavar="N", help="All of the state after N steps.")] = None,
    watches: Annotated[
        list[str] | None,
        typer.Option("--watch", metavar="EXPR", help="Evaluate after every step: 'vcpu 0x8001.0 state'; repeatable."),
    ] = None,
    paths: Annotated[bool, typer.Option("--paths", help="The path of every step, not only of the last.")] = False,
    columns: Annotated[
        bool | None,
        typer.Option("--columns/--no-columns", help="A column for each CPU.  [default: if several act and fit]"),
    ] = None,
    other: Annotated[
        str | None, typer.Option("--diff", metavar="TRACE|FINDING", help="How this trace differs from another one.")
    ] = None,
    more: Annotated[
        int | None,
        typer.Option(
            "--more",
            min=1,
            metavar="N",
            help="After a finding's trace, up to N of other causes (docs/formats.md).",
        ),
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="What to write.")] = Format.TEXT,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write it to a file.")] = None,
) -> None:
    """Show an execution: who did what, what changed, which way the C code went, and where the property breaks.

    Every trace is replayed by the concrete reading first. A finding's trace is the simplest of the shortest: it has
    the fewest CPUs, then the fewest partitions, kinds of operations and different inputs. Exit codes: 0 shown, 2 wrong
    usage, 3 malformed, tampered with or outdated.
    """
    if output is not None:
        check_writable(output)
    if more is not None and (step or state is not None or other or form is not Format.TEXT):
        raise CommandError(ExitCode.USAGE, "--more shows whole traces as text; leave the other options out")
    causes = None if more is None else causes_named(what, more + 1)
    shown = trace_named(what) if causes is None else causes.traces[0]
    _check_numbers(shown, step, state)
    compiled = compile_watches(shown.layout, watches or [])
    if form is not Format.TEXT:
        if step or state is not None or watches or other or paths or columns:
            raise CommandError(ExitCode.USAGE, f"--format {form.value} writes all; leave the other options out")
        write_out(_WRITERS[form](shown), output)
    elif other is not None:
        print_out(compare(shown, trace_named(other)), output)
    elif state is not None:
        print_out(render_state(shown, state), output)
    else:
        traces = causes.traces if causes else (shown,)
        parts = [render(trace, View(step, paths, _side_by_side(trace, columns, output), compiled)) for trace in traces]
        print_out(_with_other_causes(parts, causes.looked) if causes else parts[0], output)


def _with_other_causes(parts: Sequence[RenderableType], looked: str) -> RenderableType:
    """A trace, those of other causes under headings of their own, and how far others were looked for."""
    first, *others = parts
    shown = [first]
    for number, part in enumerate(others, 1):
        shown += [Text(f"\nAnother cause, {number} of {len(others)}", "bold"), part]
    return Group(*shown, Text(f"\n{looked}"))


def _side_by_side(shown: Trace, wanted: bool | None, output: Path | None) -> bool:
    """Whether each CPU gets a column: as wanted, else if several act and the terminal has room for them."""
    if wanted is not None:
        return wanted
    return output is None and sys.stdout.isatty() and Console().width >= WIDE and len(acting_cpus(shown)) > 1


def read(file: Path) -> Trace:
    """A trace file, replayed.  Raises CommandError if it cannot be."""
    try:
        return load_trace(file)
    except TraceFileError as error:
        raise CommandError(ExitCode.INPUT, str(error)) from error


def trace_named(name: str) -> Trace:
    """The trace of a finding, or in a file.  Raises CommandError if there is none."""
    if Path(name).is_file():
        return read(Path(name))
    from proofs import findings  # not above: other commands need not wait for the catalogue

    _check_finding(name, "neither a trace file nor a finding")
    try:
        return replace(findings.trace_of(name), finding=name)
    except findings.FindingError as error:
        raise CommandError(ExitCode.USAGE, str(error)) from error


def causes_named(name: str, most: int) -> Causes:
    """The trace of a finding, and traces of other causes, so many in all.  Raises CommandError if there is none."""
    from proofs import findings

    _check_finding(name, "not a finding, which --more needs")
    try:
        causes = findings.causes_of(name, most)
    except findings.FindingError as error:
        raise CommandError(ExitCode.USAGE, str(error)) from error
    first, *others = causes.traces
    return replace(causes, traces=(replace(first, finding=name), *others))


def _check_finding(name: str, otherwise: str) -> None:
    """Raise CommandError, with what the name is otherwise, if it is not one of a finding."""
    from proofs import findings

    known = sorted(findings.findings())
    if name in known:
        return
    close = get_close_matches(name.upper(), known, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    raise CommandError(ExitCode.USAGE, f"'{name}' is {otherwise}; {hint}known findings: {', '.join(known)}")


def compile_watches(layout: Layout, texts: list[str]) -> tuple[Watch, ...]:
    """The watch expressions.  Raises CommandError for one that cannot be understood."""
    try:
        return tuple(compile_watch(layout, text) for text in texts)
    except WatchError as error:
        raise CommandError(ExitCode.USAGE, str(error)) from error


def print_out(content: RenderableType, output: Path | None = None) -> None:
    """Print to the terminal in colour; to anything else as plain text."""
    if output is None and sys.stdout.isatty():
        Console(markup=False, highlight=False, emoji=False).print(content)
        return
    console = Console(file=StringIO(), width=PLAIN_WIDTH, markup=False, highlight=False, emoji=False)
    with console.capture() as capture:
        console.print(content)
    write_out("".join(line.rstrip() + "\n" for line in capture.get().splitlines()), output)


def _check_numbers(shown: Trace, step: int | None, state: int | None) -> None:
    for option, number in (("--step", step), ("--state", state)):
        if number is not None and number > len(shown):
            raise CommandError(ExitCode.USAGE, f"{option} {number}: the trace has only {len(shown)} steps")


def write_out(content: str, output: Path | None) -> None:
    """Write to a file, whole or not at all, or to standard output."""
    if output is None:
        typer.echo(content, nl=False)
    else:
        write_atomically(output, content.encode())
