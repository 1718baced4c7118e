"""Exploring from a scenario: its steps are taken, whatever it expects of them, and the exploration goes on there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from model.environment import DEFAULT, Action, Assumptions
from model.exploration import Granularity
from model.machine import Labels, Outcome
from model.simulation import Executed
from model.values import PsciStatus
from model.variables import LOGICAL_PARTITION_ID, Layout
from proofs.scenarios.execution import Run
from proofs.scenarios.format import Scenario, ScenarioError
from proofs.scenarios.steps import CpuOffResponse, DirectReq2, DirectResp2, DirectStep, Load
from proofs.traces.exploration import Exploration
from proofs.traces.trace import ReplayError
from proofs.traces.words import call_text


def explored(
    scenario: Scenario, steps: int | None = None, granularity: Granularity = Granularity.SECTION
) -> Exploration:
    """An exploration that stands after the boot and so many steps of a scenario, by default all.

    Raises ScenarioError, in one sentence, if one of them cannot happen.
    """
    exploration = Exploration(scenario.layout.topology, assumptions(scenario), granularity.value)
    for complaint in _foreign_senders(scenario, exploration.layout):
        raise ScenarioError(f"{scenario.path}: {complaint}")
    run = Run(exploration.layout, _Whole(exploration))
    for number, step in run.plan(scenario):
        if steps is not None and number > steps:
            break
        done = run.take(number, step)
        if done.executed.outcome is Outcome.DISABLED and step.outcome != "disabled":
            place = f"step {number}" if number else "a step of the boot"
            raise ScenarioError(f"{scenario.path}: {place} cannot happen there: {call_text(done.action, True)}")
    return exploration


def assumptions(scenario: Scenario) -> Assumptions:
    """The default environment, and whatever else the steps of a scenario do."""
    steps = scenario.steps
    return replace(
        DEFAULT,
        load_failures=any(isinstance(step, Load) and step.failing is not None for step in steps),
        direct_req2=any(isinstance(step, DirectReq2 | DirectResp2) for step in steps),
        cpu_off_refused=any(isinstance(s, CpuOffResponse) and s.status is PsciStatus.DENIED for s in steps),
        el3_requests=any(
            isinstance(s, DirectStep) and f"{LOGICAL_PARTITION_ID:#x}" in (s.sender, s.target) for s in steps
        ),
    )


def _foreign_senders(scenario: Scenario, layout: Layout) -> Iterator[str]:
    """The steps in the name of someone whom the topology does not have, and traces therefore cannot hold."""
    known = layout.by_name[layout.vcpu_keys[0], "dir_req_origin"].domain
    for number, step in enumerate(scenario.steps, 1):
        if isinstance(step, DirectStep) and step.sender is not None and int(step.sender, 16) not in known:
            yield f"step {number}: an exploration has no sender {step.sender}"


class _Whole:
    """An exploration that takes every operation from its start to its end."""

    def __init__(self, exploration: Exploration):
        self._exploration = exploration

    @property
    def state(self) -> tuple[int, ...]:
        """Where the exploration stands."""
        return self._exploration.state

    def step(self, action: Action) -> Executed:
        """Take the operation, through all its windows."""
        try:
            taken = self._exploration.take(action)
            while taken.outcome is Outcome.SUSPENDED:
                taken = self._exploration.take(action)
        except ReplayError:
            return Executed(Outcome.DISABLED, "", "", None, Labels(), self.state)
        labels = Labels(list(taken.delivered), list(taken.events), list(taken.refused))
        return Executed(taken.outcome, taken.where, taken.window, taken.reply, labels, self.state)
