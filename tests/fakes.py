"""Stand-ins for `proofs.obligations` and `proofs.findings`: tasks that behave, hang, die or fail, without a solver."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import proofs
from model.topology import BUILT_IN, Topology
from model.variants import Variants
from proofs.commands.app import prove_all_main
from proofs.verdicts import Evidence, Obligation, Result, Verdict

VERDICTS = {
    "P01": Verdict.PROVED,
    "P02": Verdict.BOUNDED,
    "P03": Verdict.VIOLATED,
    "P04": Verdict.VIOLATED,
    "P05": Verdict.VACUOUS,
    "P06": Verdict.UNKNOWN,
}
MISBEHAVIOUR = ("hangs", "dies", "raises", "stops", "repeats")
"""Properties so named make their task misbehave when it comes to them."""


@dataclass(frozen=True, slots=True)
class FakeTask:
    """A task that decides its obligations in order."""

    label: str
    obligations: tuple[Obligation, ...]


@dataclass(frozen=True, slots=True)
class FakeTrace:
    """An execution of two steps."""

    def summary_lines(self) -> list[str]:
        """The execution in words."""
        return ["cpu 0: FFA_RUN", "cpu 1: FFA_ABORT"]

    def to_json(self) -> dict[str, Any]:
        """The execution as a JSON object."""
        return {"steps": self.summary_lines()}


def task(label: str, *properties: str) -> FakeTask:
    """A task on one topology."""
    return FakeTask(label, tuple(Obligation(property_id, label) for property_id in properties))


def result(property_id: str, topology: str = "2x2") -> Result:
    """The raw result of a well-behaved property."""
    verdict = VERDICTS[property_id]
    trace = FakeTrace() if verdict is Verdict.VIOLATED else None
    evidence = Evidence("fake engine", 0.25, depth=2, states=9, solver="z3", trace=trace)
    return Result(Obligation(property_id, topology), verdict, evidence)


def decide(task: FakeTask) -> Iterator[Result]:
    """Decide a task, or misbehave."""
    for obligation in task.obligations:
        match obligation.property:
            case "hangs":
                time.sleep(3600)
            case "dies":
                os._exit(7)
            case "raises":
                raise ValueError("no such engine")
            case "stops":
                return
            case "repeats":
                yield result("P01", task.label)
            case property_id:
                yield result(property_id, task.label)


def plan(
    topologies: Sequence[Topology] | None,
    properties: Sequence[str] | None,
    depth: int | None,
    seed: int,
    variants: Variants,
) -> list[FakeTask]:
    """A task for each topology; what misbehaves has to be named."""
    names = [topology.name for topology in topologies or (BUILT_IN["2x2"], BUILT_IN["1x2"])]
    return [task(name, *(properties or VERDICTS)) for name in names if name != "8x8"]


def known_properties() -> dict[str, str]:
    """Every property with its text."""
    return {property_id: f"text of {property_id}" for property_id in (*VERDICTS, *MISBEHAVIOUR)}


def judge(results: Sequence[Result]) -> list[Result]:
    """P03 is expected to be violated, nothing else is."""
    return [_judged(result) for result in results]


def _judged(result: Result) -> Result:
    if result.obligation.property == "P03":
        return replace(result, finding="F01")
    if result.verdict is Verdict.VIOLATED:
        return replace(result, expected=False, explanation="expected a proof, found a violation")
    return result


def titles() -> dict[str, str]:
    """The titles of the findings."""
    return {"F01": "an aborted vCPU is resumed"}


def install() -> None:
    """Take the place of the modules that need a solver."""
    vars(proofs).update(obligations=sys.modules[__name__], findings=sys.modules[__name__])


def prove_all_with_fakes() -> NoReturn:
    """The command `prove-all` in a process of its own."""
    install()
    prove_all_main()
