"""`lifecycle vectors`: check the model against recorded behaviour of the C code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import typer

from proofs.commands.choices import choose_variants
from proofs.exit_codes import CommandError, ExitCode
from proofs.files import check_writable, write_atomically
from proofs.vectors.bench import Unsupported
from proofs.vectors.compare import VectorRunner
from proofs.vectors.explain import explain
from proofs.vectors.format import Vector, VectorError, read_vectors


class Disagreement(msgspec.Struct, frozen=True):
    """One field in which the model and the C code disagree on a vector."""

    vid: str
    file: str
    line: int
    field: str
    expected: str
    actual: str


class DisagreementsFile(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` writes (docs/schemas/vectors.schema.json)."""

    schema: Literal["hafnium-lifecycle-proofs/vectors"]
    version: Literal[1]
    agree: int
    disagree: int
    unsupported: int
    disagreements: list[Disagreement]


def json_schema() -> bytes:
    """The JSON Schema of such files, as docs/schemas/vectors.schema.json holds it."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Disagreements of lifecycle vectors, version 1",
        **msgspec.json.schema(DisagreementsFile),
    }
    return msgspec.json.format(msgspec.json.encode(schema), indent=2) + b"\n"


def vectors(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="Vectors: JSON lines, gzip'ed or not."),
    ],
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the disagreements, as JSON.")
    ] = None,
    show: Annotated[
        str | None, typer.Option("--show", metavar="VID", help="Run only this vector, and explain it step by step.")
    ] = None,
    variants: Annotated[
        list[str] | None,
        typer.Option("--variant", metavar="NAME=VALUE", help="A variant of the model; default revision=after."),
    ] = None,
) -> None:
    """Run recorded vectors of Hafnium's C code on the model, and print every difference.

    Exit codes: 0 the model agrees with every vector, 10 it does not, 2 wrong usage, 3 malformed input.
    """
    runner = VectorRunner(choose_variants(variants or ()))
    _check_output(json_file, files)
    tally: Counter[str] = Counter()
    disagreements: list[Disagreement] = []
    for file, line, vector in _chosen(files, show):
        try:
            verdict, found = _judge(runner, file, line, vector, explained=show is not None)
        except VectorError as error:
            raise CommandError(ExitCode.INPUT, f"{file}:{line}: {error}") from error
        tally[verdict] += 1
        if json_file is not None:
            disagreements.extend(found)
    agree, disagree, unsupported = (tally[verdict] for verdict in ("agree", "disagree", "unsupported"))
    if json_file is not None:
        contents = DisagreementsFile(
            schema="hafnium-lifecycle-proofs/vectors",
            version=1,
            agree=agree,
            disagree=disagree,
            unsupported=unsupported,
            disagreements=disagreements,
        )
        write_atomically(json_file, msgspec.json.format(msgspec.json.encode(contents), indent=2) + b"\n")
    typer.echo(f"{tally.total()} vectors: {agree} agree, {disagree} disagree, {unsupported} unsupported")
    raise typer.Exit(ExitCode.DEVIATION if disagree or unsupported else ExitCode.AS_EXPECTED)


def _check_output(json_file: Path | None, files: list[Path]) -> None:
    if json_file is None:
        return
    if any(json_file.resolve() == file.resolve() for file in files):
        raise CommandError(ExitCode.USAGE, f"--json names {json_file}, a file to read; name another one")
    check_writable(json_file)


def _chosen(files: list[Path], vid: str | None) -> Iterator[tuple[Path, int, Vector]]:
    """The vectors of the files, each with its file and line; with an id, only the first that has it."""
    found = False
    try:
        for file in files:
            for line, vector in read_vectors(file):
                if vid is None or vector.vid == vid:
                    found = True
                    yield file, line, vector
                    if vid is not None:
                        return
    except VectorError as error:
        raise CommandError(ExitCode.INPUT, str(error)) from error
    if not found:
        raise CommandError(ExitCode.USAGE, f"--show: no vector '{vid}' in these files")


def _judge(
    runner: VectorRunner, file: Path, line: int, vector: Vector, explained: bool
) -> tuple[str, list[Disagreement]]:
    """Run a vector and print what differs: its verdict, and each disagreement.  Raises VectorError."""
    try:
        if explained:
            typer.echo(explain(runner, vector))
        differences = runner.compare(vector)
    except Unsupported as reason:
        typer.echo(f"{file}:{line}: {vector.vid}: unsupported: {reason}")
        return "unsupported", []
    found = [Disagreement(vector.vid, str(file), line, d.what, d.expected, d.actual) for d in differences]
    for d in found:
        typer.echo(f"{file}:{line}: {vector.vid}: {d.field}: expected {d.expected}, actual {d.actual}")
    return "disagree" if found else "agree", found
