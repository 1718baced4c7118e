"""The catalogue of known defects, and what `prove-all` is told to expect because of them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from proofs.traces.trace import Trace
from proofs.verdicts import Result, Verdict

if TYPE_CHECKING:
    from proofs.executions import Causes


class FindingError(ValueError):
    """The catalogue of findings is malformed, or has no such finding."""


class Finding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A defect, race, dead edge or ambiguity of the modelled code."""

    id: Annotated[str, msgspec.Meta(pattern=r"^F[0-9]{2}$")]
    title: str
    kind: Literal["panic", "assertion", "deadlock", "crash", "race", "broken invariant", "dead edge", "stuck"]
    severity: Literal["high", "medium", "low"]
    happens: str
    """What happens, in plain English."""
    cause: str
    requires: str
    """What it takes: topology and behaviour of the environment."""
    sources: list[str]
    fix: str


class Expectation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A known violation: of a property on a topology, by which check (if told apart), in how many steps."""

    property: str
    topology: str
    finding: str
    length: int | None = None
    check: str = ""


class _Expectations(msgspec.Struct, forbid_unknown_fields=True):
    violation: list[Expectation]


Key = tuple[str, str, str]
"""Property, topology and check."""


@cache
def findings() -> dict[str, Finding]:
    """Every finding, by id.  Raises FindingError when a file of the catalogue is malformed."""
    found = {}
    folder = files("proofs.findings") / "catalogue"
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if entry.name.endswith(".toml"):
            try:
                finding = msgspec.toml.decode(entry.read_bytes(), type=Finding)
            except msgspec.DecodeError as error:
                raise FindingError(f"{entry.name}: {error}") from error
            found[finding.id] = finding
    return found


@cache
def expectations() -> dict[Key, Expectation]:
    """Every known violation.  Raises FindingError when one names no finding, or is listed twice."""
    text = (files("proofs.findings") / "expected.toml").read_text(encoding="utf-8")
    listed = msgspec.convert(tomllib.loads(text), _Expectations).violation
    found: dict[Key, Expectation] = {}
    for item in listed:
        key = (item.property, item.topology, item.check)
        if item.finding not in findings():
            raise FindingError(f"expected.toml: {item.property} on {item.topology} names no finding: {item.finding}")
        if key in found:
            raise FindingError(f"expected.toml: {item.property} on {item.topology} is listed twice")
        found[key] = item
    return found


def shortest(finding_id: str) -> Expectation | None:
    """The known violation that shows a finding in the fewest steps; None if it has no execution (a dead edge).

    Raises FindingError for an id that is not in the catalogue.
    """
    if finding_id not in findings():
        raise FindingError(f"there is no finding {finding_id}; known: {', '.join(findings())}")
    shown = [item for item in expectations().values() if item.finding == finding_id and item.length is not None]
    return min(shown, key=lambda item: (item.length or 0, item.topology, item.property), default=None)


def trace_of(finding_id: str) -> Trace:
    """A shortest execution that shows a finding, found anew and replayed.

    Raises FindingError for a finding that is not in the catalogue or that no execution shows.
    """
    from proofs.executions import shortest_execution  # not above: it loads the engines

    known = _shown(finding_id)
    return shortest_execution(known.property, known.topology, known.check, known.length or 0)


def causes_of(finding_id: str, most: int) -> Causes:
    """The execution of `trace_of`, and others that violate the same property by different causes, `most` in all.

    Raises FindingError for a finding that is not in the catalogue or that no execution shows.
    """
    from proofs.executions import different_causes  # not above: it loads the engines

    known = _shown(finding_id)
    return different_causes(known.property, known.topology, known.check, known.length or 0, most)


def _shown(finding_id: str) -> Expectation:
    """The known violation whose execution shows a finding.  Raises FindingError if there is none."""
    known = shortest(finding_id)
    if known is None:
        raise FindingError(f"{finding_id} is about something that never happens; it has no trace")
    return known


def titles() -> dict[str, str]:
    """The title of each finding, by id."""
    return {finding.id: finding.title for finding in findings().values()}


@dataclass(frozen=True, slots=True)
class _Observed:
    """A violation as it was found."""

    check: str
    length: int | None


def judge(results: Iterable[Result]) -> list[Result]:
    """The results with their findings, and whether each is as expected; if not, how it deviates."""
    return [_judge(result) for result in results]


def _judge(result: Result) -> Result:
    obligation = result.obligation
    known = {
        key[2]: item
        for key, item in expectations().items()
        if obligation.variant == "default" and key[:2] == (obligation.property, obligation.topology)
    }
    if result.verdict is not Verdict.VIOLATED:
        if not known or result.verdict not in (Verdict.PROVED, Verdict.BOUNDED):
            return replace(result, expected=not known and result.verdict in (Verdict.PROVED, Verdict.BOUNDED))
        names = ", ".join(sorted({item.finding for item in known.values()}))
        return replace(result, expected=False, explanation=f"expected to be violated ({names}), but it is not")
    observed = _observed(result)
    deviations = [
        *(_deviation(known.get(item.check), item) for item in observed if _deviation(known.get(item.check), item)),
        *(
            f"{item.finding} is gone: {check or 'its violation'} was not found"
            for check, item in known.items()
            if check not in {entry.check for entry in observed}
        ),
    ]
    named = sorted({known[item.check].finding for item in observed if item.check in known})
    return replace(
        result,
        finding=", ".join(named) or None,
        expected=not deviations,
        explanation="; ".join(deviations),
        findings={item.check: known[item.check].finding for item in observed if item.check and item.check in known},
    )


def _observed(result: Result) -> list[_Observed]:
    evidence = result.evidence
    if evidence.causes:
        return [_Observed(check, len(trace)) for check, trace in evidence.causes.items()]
    return [_Observed("", evidence.depth)]


def _deviation(expected: Expectation | None, observed: _Observed) -> str:
    """How a violation deviates from what was expected; empty if it does not."""
    check = f"{observed.check}: " if observed.check else ""
    if expected is None:
        return f"{check}violated, but no finding says so"
    if expected.length != observed.length:
        return f"{check}{expected.finding} takes {observed.length} steps, expected {expected.length}"
    return ""
