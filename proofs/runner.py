"""Runs tasks in killable worker processes, so that every planned obligation ends with exactly one result."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from multiprocessing import connection, resource_tracker
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Protocol, TypeVar

from proofs.verdicts import Evidence, Obligation, Result, Verdict


class Task(Protocol):
    """Obligations that one worker decides together; picklable."""

    @property
    def obligations(self) -> tuple[Obligation, ...]:
        """What the task decides."""

    @property
    def label(self) -> str:
        """The task's name for people."""


TaskType = TypeVar("TaskType", bound=Task)
Decide = Callable[[TaskType], Iterator[Result]]
"""Decides a task, one result at a time; a function that a fresh process can import."""


@dataclass(frozen=True, slots=True)
class Run:
    """The results of all planned obligations, in planned order, and whether the user stopped the run."""

    results: tuple[Result, ...]
    interrupted: bool


def run(
    tasks: Sequence[TaskType],
    decide: Decide[TaskType],
    jobs: int,
    timeout: float,
    on_result: Callable[[Result], None],
) -> Run:
    """Decide all tasks, at most `jobs` at a time; `on_result` sees each result as soon as it is known.

    A task that brings no result for `timeout` seconds is killed, and what it has not decided is TIMEOUT. What a
    worker leaves undecided when it fails or dies is ERROR, what an interrupt (Ctrl-C) leaves undecided NOT-RUN.
    Raises RuntimeError when a task decides something twice or something not planned.
    """
    planned = [obligation for task in tasks for obligation in task.obligations]
    if len(set(planned)) < len(planned):
        raise RuntimeError("an obligation is planned twice")
    decided: dict[Obligation, Result] = {}
    interrupted = False
    try:
        with closing(_results(tasks, decide, jobs, timeout)) as results:
            for result in results:
                decided[result.obligation] = result
                on_result(result)
    except KeyboardInterrupt:
        interrupted = True
    not_run = Evidence("none", 0.0, detail="interrupted before it was decided")
    return Run(
        tuple(decided.get(obligation) or Result(obligation, Verdict.NOT_RUN, not_run) for obligation in planned),
        interrupted,
    )


def _results(tasks: Sequence[TaskType], decide: Decide[TaskType], jobs: int, timeout: float) -> Generator[Result]:
    waiting = deque(tasks)
    workers: list[_Worker] = []
    try:
        while waiting or workers:
            while waiting and len(workers) < jobs:
                with _interrupts_held_back():
                    workers.append(_start(waiting.popleft(), decide))
            next_deadline = min(worker.last_news for worker in workers) + timeout
            connection.wait([worker.news for worker in workers], max(0.0, next_deadline - time.monotonic()))
            for worker in workers:
                yield from worker.results(timeout)
            workers = [worker for worker in workers if not worker.news.closed]
    finally:
        for worker in workers:
            worker.stop()


@dataclass(slots=True)
class _Worker:
    """A running task: its process, the pipe its news come through, what it has yet to decide."""

    task: Task
    process: SpawnProcess
    news: connection.Connection[None, Result | str]
    undecided: list[Obligation]
    last_news: float = field(default_factory=time.monotonic)

    def results(self, timeout: float) -> Iterator[Result]:
        """What has become known since last asked; the worker is stopped when there is nothing more to come."""
        while self.news.poll():
            match self._receive():
                case Result() as result:
                    self._settle(result.obligation)
                    self.last_news = time.monotonic()
                    yield result
                case str(reason):
                    yield from self._give_up(Verdict.ERROR, reason)
                    return
        if time.monotonic() >= self.last_news + timeout:
            yield from self._give_up(Verdict.TIMEOUT, f"nothing decided within {timeout:g} s")

    def stop(self) -> None:
        """Kill the process, whatever it is doing."""
        self.process.kill()
        self.process.join()
        self.news.close()

    def _receive(self) -> Result | str:
        """The next result, or the reason why there will be no more."""
        try:
            return self.news.recv()
        except (EOFError, OSError):
            self.process.join()
            return f"the worker process {_cause_of_death(self.process.exitcode or 0)}"

    def _settle(self, obligation: Obligation) -> None:
        if obligation not in self.undecided:
            raise RuntimeError(f"task {self.task.label}: decided twice or never planned: {obligation}")
        self.undecided.remove(obligation)

    def _give_up(self, verdict: Verdict, reason: str) -> Iterator[Result]:
        self.stop()
        evidence = Evidence("none", time.monotonic() - self.last_news, detail=reason)
        for obligation in self.undecided:
            yield Result(obligation, verdict, evidence)


def _start(task: TaskType, decide: Decide[TaskType]) -> _Worker:
    spawn = multiprocessing.get_context("spawn")
    receiver, sender = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_work, args=(decide, task, sender), name=task.label, daemon=True)
    process.start()
    sender.close()
    return _Worker(task, process, receiver, list(task.obligations))


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Delay Ctrl-C; processes started meanwhile never see it, so that only the parent answers it."""
    resource_tracker.ensure_running()  # would end the delay if a first worker were to start it
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _cause_of_death(exit_status: int) -> str:
    if exit_status < 0:
        return f"was killed by {signal.Signals(-exit_status).name}"
    return f"ended with exit status {exit_status}"


def _work(decide: Decide[TaskType], task: TaskType, news: connection.Connection[Result | str, None]) -> None:
    """What a worker process does: send each result, then the reason why there are no more."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        for result in decide(task):
            news.send(result)
    except Exception as error:  # noqa: BLE001  whatever an engine raises becomes the task's verdict
        if "LIFECYCLE_TRACEBACK" in os.environ:
            traceback.print_exc()
        place = traceback.extract_tb(error.__traceback__)[-1]
        news.send(f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})")
    else:
        news.send("the engines ended without deciding it")


def _end_with_parent() -> None:
    """Leave no worker behind when the command itself is killed."""
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)
