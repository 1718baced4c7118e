"""Obligations, verdicts and the evidence behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Verdict(Enum):
    """What is known of a property.  Only PROVED is a proof."""

    PROVED = "PROVED"
    BOUNDED = "BOUNDED"
    VIOLATED = "VIOLATED"
    UNKNOWN = "UNKNOWN"
    TIMEOUT = "TIMEOUT"
    VACUOUS = "VACUOUS"
    ERROR = "ERROR"
    NOT_RUN = "NOT-RUN"


@dataclass(frozen=True, slots=True, order=True)
class Obligation:
    """One thing to decide: a property on a topology, under a variant, at a granularity of interleaving."""

    property: str
    topology: str
    variant: str = "default"
    granularity: str = "section"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What stands behind a verdict.

    `depth` is the bound of BOUNDED, the length of a violation's trace, or the diameter of an exhausted state
    space; `witness` the depth at which the property's antecedent is first reachable (its vacuity witness).
    """

    method: str
    seconds: float
    depth: int | None = None
    states: int | None = None
    witness: int | None = None
    invariant: str | None = None
    detail: str = ""
    solver: str = ""
    seed: int = 0
    trace: Any = None
    causes: Mapping[str, Any] = field(default_factory=dict)
    """For a property that fails in several ways (P35): each failing check, with its shortest trace."""


@dataclass(frozen=True, slots=True)
class Result:
    """A decided obligation: its verdict, evidence, and how it compares with what was expected."""

    obligation: Obligation
    verdict: Verdict
    evidence: Evidence
    finding: str | None = None
    expected: bool = True
    explanation: str = ""
    findings: Mapping[str, str] = field(default_factory=dict)
    """For a property that fails in several ways: the finding of each failing check."""

    def verdict_text(self) -> str:
        """The verdict with its bound, as reports print it."""
        if self.verdict is Verdict.BOUNDED:
            return f"BOUNDED({self.evidence.depth})"
        return str(self.verdict.value)
