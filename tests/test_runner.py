"""The runner: every planned obligation ends with exactly one result, whatever its task does."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence

import pytest

from proofs.runner import Run, run
from proofs.verdicts import Result, Verdict
from tests.fakes import FakeTask, decide, result, task

PATIENCE = 60.0


def ignore(_: Result) -> None:
    """Nobody watches."""


def decided(tasks: Sequence[FakeTask], timeout: float = PATIENCE) -> dict[tuple[str, str], tuple[str, str]]:
    """Verdict and detail by topology and property."""
    outcome = run(tasks, decide, 4, timeout, ignore)
    assert not outcome.interrupted
    assert [result.obligation for result in outcome.results] == [o for task in tasks for o in task.obligations]
    return {
        (result.obligation.topology, result.obligation.property): (result.verdict.value, result.evidence.detail)
        for result in outcome.results
    }


def test_results_come_in_planned_order_and_are_streamed() -> None:
    tasks = [task("2x2", "P01", "P02"), task("1x2", "P03")]
    streamed: list[Result] = []
    outcome = run(tasks, decide, 2, PATIENCE, streamed.append)
    assert outcome == Run((result("P01"), result("P02"), result("P03", "1x2")), interrupted=False)
    assert sorted(streamed, key=str) == sorted(outcome.results, key=str)


def test_misbehaving_tasks_lose_nothing() -> None:
    results = decided(
        [
            task("2x2", "P01", "dies", "P02"),
            task("1x2", "raises", "P01"),
            task("2x1", "P01", "stops"),
            task("ok", "P01"),
        ]
    )
    death = "the worker process ended with exit status 7"
    assert results["2x2", "P01"] == ("PROVED", "")
    assert results["2x2", "dies"] == results["2x2", "P02"] == ("ERROR", death)
    assert results["1x2", "raises"] == results["1x2", "P01"]
    verdict, reason = results["1x2", "raises"]
    assert verdict == "ERROR"
    assert reason.startswith("ValueError: no such engine (fakes.py:")
    assert results["2x1", "P01"] == ("PROVED", "")
    assert results["2x1", "stops"] == ("ERROR", "the engines ended without deciding it")
    assert results["ok", "P01"] == ("PROVED", "")


def test_a_hanging_task_is_killed() -> None:
    results = decided([task("2x2", "hangs", "P01")], timeout=0.1)
    assert results["2x2", "hangs"] == results["2x2", "P01"] == ("TIMEOUT", "nothing decided within 0.1 s")
    assert not multiprocessing.active_children()


def test_an_interrupt_leaves_the_rest_not_run() -> None:
    def interrupt(_: Result) -> None:
        raise KeyboardInterrupt

    outcome = run([task("2x2", "P01", "hangs"), task("1x2", "P02")], decide, 1, PATIENCE, interrupt)
    assert outcome.interrupted
    assert [r.verdict for r in outcome.results] == [Verdict.PROVED, Verdict.NOT_RUN, Verdict.NOT_RUN]
    assert not multiprocessing.active_children()


def test_repetition_is_an_internal_error() -> None:
    with pytest.raises(RuntimeError, match="decided twice or never planned"):
        run([task("2x2", "P01", "repeats")], decide, 1, PATIENCE, ignore)
    with pytest.raises(RuntimeError, match="planned twice"):
        run([task("2x2", "P01", "P01")], decide, 1, PATIENCE, ignore)
