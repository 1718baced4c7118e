"""`lifecycle hunks`: the documentation of how the model accounts for the patch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from proofs.exit_codes import ExitCode
from proofs.files import write_atomically
from proofs.hunk_tables import documents
from proofs.hunks import Account
from proofs.passages import all_last_steps

DOCS = Path(__file__).parents[2] / "docs"


def hunks(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail if a page is stale.")] = False,
    folder: Annotated[
        Path, typer.Option(metavar="FOLDER", exists=True, file_okay=False, help="Where the pages are.")
    ] = DOCS,
) -> None:
    """Write patch-hunks.md and state-writes.md: each hunk, each write of lifecycle state, and who accounts for it.

    Exit codes: 0 everything is accounted for, 10 something is not, or with --check a page is stale.
    """
    account = Account(all_last_steps())
    problems = list(account.problems())
    for name, text in documents(account).items():
        path = folder / name
        if not check:
            write_atomically(path, text.encode())
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            problems.append(f"{path} is stale; run 'lifecycle hunks'")
    for problem in problems:
        typer.echo(problem)
    raise typer.Exit(ExitCode.DEVIATION if problems else ExitCode.AS_EXPECTED)
