"""Shows that work goes on: a bar on a terminal, one plain line for each result elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from proofs.verdicts import Result


@contextmanager
def progress(console: Console, total: int) -> Iterator[Callable[[Result], None]]:
    """A function to call with each of `total` results as it comes."""
    if not console.is_terminal:
        finished = count(1)
        yield lambda result: console.print(f"[{next(finished)}/{total}] {_line(result)}", soft_wrap=True)
        return
    columns = (SpinnerColumn(), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.description}", markup=False), console=console, transient=True) as bar:
        task = bar.add_task("starting", total=total)
        yield lambda result: bar.update(task, advance=1, description=_line(result))


def _line(result: Result) -> str:
    obligation = result.obligation
    scope = f"{obligation.topology} {obligation.granularity}"
    return f"{obligation.property} {scope}: {result.verdict_text()} ({result.evidence.seconds:.1f} s)"
