"""`lifecycle patch-review`, `ambiguities`, `fixes` and `reports`: what follows from comparing variants of the model."""

from __future__ import annotations

import os
from collections.abc import Callable
from difflib import get_close_matches
from enum import Enum
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console

from model.variants.readings import READINGS
from proofs.commands.trace import write_out
from proofs.exit_codes import CommandError, ExitCode
from proofs.files import check_writable, write_atomically

T = TypeVar("T")
Jobs = Annotated[
    int | None, typer.Option("--jobs", "-j", min=1, metavar="N", help="Worker processes.  [default: one per CPU]")
]
Output = Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write it to a file.")]
FOLDER = Path("docs/reports")
"""Where the reports are kept, from the project's folder."""


class PageFormat(Enum):
    """The forms of a report's page."""

    MARKDOWN = "markdown"
    HTML = "html"


class ReviewFormat(Enum):
    """The forms of the patch review."""

    MARKDOWN = "markdown"
    HTML = "html"
    GERRIT = "gerrit"


def patch_review(
    form: Annotated[
        ReviewFormat, typer.Option("--format", help="A page, or a review comment of at most 60 lines.")
    ] = ReviewFormat.MARKDOWN,
    output: Output = None,
    jobs: Jobs = None,
) -> None:
    """Compare Hafnium after the patch with its parent: what changed for whom, what became false, and by which hunk.

    Takes some minutes. Exit codes: 0 every change is judged, 10 some is not or is gone, 2 wrong usage.
    """
    from proofs.reports import patch_review as found  # not above: these load the solver, which --help need not wait for
    from proofs.reports import patch_review_page as shown

    _check(output)
    reviews = _waiting("comparing both revisions", lambda: found.review(_jobs(jobs)))
    text = shown.gerrit(reviews) if form is ReviewFormat.GERRIT else _page(shown.files(reviews), "patch-review", form)
    write_out(text, output)
    _end(shown.unexpected(reviews))


def ambiguities(
    name: Annotated[str | None, typer.Argument(metavar="[ID]", help="Only this question.")] = None,
    form: Annotated[PageFormat, typer.Option("--format", help="What to write.")] = PageFormat.MARKDOWN,
    output: Output = None,
    jobs: Jobs = None,
) -> None:
    """Where FF-A can be read in two ways: can anyone tell, by which shortest execution, and what depends on it?

    Takes some minutes. Exit codes: 0 written, 2 wrong usage.
    """
    from proofs.reports import ambiguities as found
    from proofs.reports import ambiguities_page as shown

    _check(output)
    known = [reading.name for reading in READINGS]
    if name is not None and name not in known:
        close = get_close_matches(name, known, n=1)
        suggestion = f"did you mean {close[0]}? " if close else ""
        raise CommandError(ExitCode.USAGE, f"unknown question '{name}'; {suggestion}known: {', '.join(known)}")
    questions = found.OF_THE_MODEL if name is None else tuple(q for q in found.OF_THE_MODEL if q.name == name)
    answers = _waiting("comparing readings", lambda: found.investigate(_jobs(jobs), questions))
    write_out(_page(shown.files(answers), f"ambiguities/{name}" if name else "ambiguities", form), output)


def fixes(
    form: Annotated[PageFormat, typer.Option("--format", help="What to write.")] = PageFormat.MARKDOWN,
    output: Output = None,
    jobs: Jobs = None,
) -> None:
    """What each proposed fix repairs and breaks, and the smallest set that repairs all that can be repaired.

    Takes some minutes. Exit codes: 0 written, 2 wrong usage.
    """
    from proofs.reports import fixes as found
    from proofs.reports import fixes_page as shown

    _check(output)
    searched = _waiting("searching every combination of fixes", lambda: found.search(_jobs(jobs)))
    write_out(_page(shown.files(searched), "fixes", form), output)


def reports(
    folder: Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="Where to write them.")] = FOLDER,
    check: Annotated[
        bool,
        typer.Option("--check", help="Compare the Markdown pages with those in the folder instead of writing them."),
    ] = False,
    jobs: Jobs = None,
) -> None:
    """Write the patch review, the ambiguity reports and the fixes: Markdown, HTML, and every execution as a trace.

    Exit codes: 0 written and as expected, 10 a change that nobody judged, or a page that differs, 2 wrong usage,
    3 the folder cannot be written.
    """
    from proofs.reports.all import all_files

    pages, unexpected = _waiting("making the reports", lambda: all_files(_jobs(jobs)))
    if check:
        unexpected += [f"differs: {name}" for name in _differing(folder, pages)]
    for name, text in pages.items():
        if not (check and name.endswith(".md")):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, text.encode())
    _end(unexpected)
    typer.echo(f"{len(pages)} files in {folder}")


def _differing(folder: Path, pages: dict[str, str]) -> list[str]:
    """The Markdown pages that are not in the folder as they should be, or should not be there at all."""
    kept = {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in folder.rglob("*.md")}
    made = {name: text for name, text in pages.items() if name.endswith(".md")}
    return sorted(name for name in kept.keys() | made.keys() if kept.get(name) != made.get(name))


def _page(pages: dict[str, str], name: str, form: Enum) -> str:
    return pages[f"{name}.html" if form.value == "html" else f"{name}.md"]


def _check(output: Path | None) -> None:
    if output is not None:
        check_writable(output)


def _jobs(jobs: int | None) -> int:
    return jobs or os.cpu_count() or 1


def _waiting(what: str, work: Callable[[], T]) -> T:
    """Do something that takes long, and say so at a terminal."""
    with Console(stderr=True).status(f"{what} ..."):
        return work()


def _end(unexpected: list[str]) -> None:
    for line in unexpected:
        typer.echo(f"NOT AS EXPECTED: {line}", err=True)
    if unexpected:
        raise typer.Exit(ExitCode.DEVIATION)
