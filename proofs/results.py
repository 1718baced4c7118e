"""The results file of `prove-all --json`: all evidence, under a versioned schema (docs/schemas/results.schema.json)."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from model.source import UPSTREAM_COMMIT
from proofs.files import write_atomically
from proofs.verdicts import Result, Verdict
from proofs.version import VERSION


class ResultsError(ValueError):
    """A file is not a results file of this version; the message is one sentence naming file and place."""


class CommandOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the user asked for; an empty list means all, null the default."""

    properties: tuple[str, ...]
    topologies: tuple[str, ...]
    variants: tuple[str, ...]
    depth: int | None
    jobs: int
    timeout: float


class FailingCheck(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A CHECK, panic, assertion, deadlock or crash that is reached, and a shortest execution that reaches it."""

    check: Annotated[str, Meta(description="Outcome, and file:line or message of the check.")]
    finding: str | None
    length: int
    trace: dict[str, Any]


class DecidedObligation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One obligation: what was to be decided, the verdict, what stands behind it, and what was expected."""

    property: Annotated[str, Meta(description="The property's id.")]
    topology: str
    variant: str
    granularity: Annotated[str, Meta(description="How finely CPUs interleave.")]
    verdict: Annotated[
        Verdict, Meta(description="Only PROVED is a proof; BOUNDED holds for executions of `depth` steps.")
    ]
    finding: Annotated[str | None, Meta(description="The id of the finding that explains a violation.")]
    expected: Annotated[bool, Meta(description="Whether the verdict is the expected one.")]
    explanation: Annotated[str, Meta(description="What was expected and what happened.")]
    method: Annotated[str, Meta(description="The engine and its mode.")]
    depth: Annotated[
        int | None, Meta(description="The bound, the length of the trace, or the diameter of the state space.")
    ]
    states: Annotated[int | None, Meta(description="The number of states visited.")]
    witness: Annotated[int | None, Meta(description="The depth at which the property's antecedent is first reachable.")]
    invariant: Annotated[str | None, Meta(description="The inductive invariant that carries a proof.")]
    detail: str
    solver: str
    seed: int
    seconds: float
    trace: Annotated[dict[str, Any] | None, Meta(description="The shortest execution that breaks the property.")]
    failing_checks: Annotated[
        tuple[FailingCheck, ...], Meta(description="Of a property that fails in several ways: every one of them.")
    ]


class ResultsFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that one run of prove-all found out, and what is needed to repeat it."""

    schema: Literal["hafnium-lifecycle-proofs/results"]
    schema_version: Literal[1]
    tool_version: str
    upstream_commit: Annotated[str, Meta(description="The commit of Hafnium that the model follows.")]
    solver_version: str
    seed: int
    command: CommandOptions
    results: tuple[DecidedObligation, ...]


def results_file(results: Iterable[Result], command: CommandOptions, seed: int) -> ResultsFile:
    """The results file for judged results."""
    return ResultsFile(
        schema="hafnium-lifecycle-proofs/results",
        schema_version=1,
        tool_version=VERSION,
        upstream_commit=UPSTREAM_COMMIT,
        solver_version=f"z3 {importlib.metadata.version('z3-solver')}",
        seed=seed,
        command=command,
        results=tuple(_decided(result) for result in results),
    )


def _decided(result: Result) -> DecidedObligation:
    evidence, obligation = result.evidence, result.obligation
    return DecidedObligation(
        property=obligation.property,
        topology=obligation.topology,
        variant=obligation.variant,
        granularity=obligation.granularity,
        verdict=result.verdict,
        finding=result.finding,
        expected=result.expected,
        explanation=result.explanation,
        method=evidence.method,
        depth=evidence.depth,
        states=evidence.states,
        witness=evidence.witness,
        invariant=evidence.invariant,
        detail=evidence.detail,
        solver=evidence.solver,
        seed=evidence.seed,
        seconds=evidence.seconds,
        trace=evidence.trace.to_json() if evidence.trace is not None else None,
        failing_checks=tuple(
            FailingCheck(check=check, finding=result.findings.get(check), length=len(trace), trace=trace.to_json())
            for check, trace in evidence.causes.items()
        ),
    )


def write_results(path: Path, contents: ResultsFile) -> None:
    """Write a results file, whole or not at all.  Raises CommandError when the file cannot be written."""
    write_atomically(path, msgspec.json.format(msgspec.json.encode(contents), indent=2) + b"\n")


def read_results(path: Path) -> ResultsFile:
    """Read a results file back.  Raises ResultsError for anything that does not follow the schema strictly."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=ResultsFile)
    except OSError as error:
        raise ResultsError(f"{path}: cannot be read: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise ResultsError(f"{path}: not a results file of this version: {error}") from error


def json_schema() -> bytes:
    """The JSON Schema of results files, as docs/schemas/results.schema.json holds it."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "prove-all results, version 1",
        **msgspec.json.schema(ResultsFile),
    }
    return msgspec.json.format(msgspec.json.encode(schema), indent=2) + b"\n"
