"""What two executions with the same stimuli show, in words and side by side."""

from __future__ import annotations

from dataclasses import dataclass

from model.environment import Action
from model.machine import Outcome
from model.values import INTERRUPT_RETURN, World
from proofs.engines.product import Observed, role
from proofs.reports.comparison import Separation
from proofs.traces.trace import Trace, TraceStep
from proofs.traces.words import actor_text, call_text, end_text, operation_text


@dataclass(frozen=True, slots=True)
class Row:
    """One stimulus, and how it ends on each side; `right` is empty where both end alike."""

    number: int
    stimulus: str
    left: str
    right: str


@dataclass(frozen=True, slots=True)
class Contrast:
    """What a last stimulus shows on each side; equal contrasts are of one kind."""

    operation: str
    left: str
    right: str

    def __str__(self) -> str:
        return f"{self.operation}: {self.left} / {self.right}"


def contrast(separation: Separation) -> Contrast:
    """The last stimulus of a separation, in general terms."""
    difference = separation.difference
    world = separation.left.topology.world
    left, right = (shown_text(difference.action, seen, world) for seen in (difference.left, difference.right))
    if left == right:
        left, right = (f"{left}, told {_told(seen)}" for seen in (difference.left, difference.right))
    return Contrast(operation_text(difference.action), left, right)


def shown_text(action: Action, seen: Observed, world: World) -> str:
    """What an observer sees of a step: `the caller gets FFA_ERROR(BUSY)`."""
    match seen.outcome:
        case Outcome.RETURN:
            runs = role(action, seen.runs)
            if seen.reply is None or seen.reply == INTERRUPT_RETURN:
                return f"{runs} runs"
            if runs == "the caller":
                return f"the caller gets {seen.reply}"
            return f"{runs} runs, the caller gets {seen.reply}"
        case Outcome.DISABLED | Outcome.BLOCKED:
            return "is not possible"
        case Outcome.RESET:
            return "EL3 resets the system"
        case failed:
            builder = "the SPMC" if world is World.SPMC else "the hypervisor"
            return f"{builder} stops ({failed.value})"


def _told(seen: Observed) -> str:
    return ", ".join(sorted(str(value) for _, value in seen.delivered)) or "nothing"


def side_by_side(separation: Separation) -> tuple[Row, ...]:
    """The execution, one row for each stimulus, without the context switches that both sides make."""
    left, right = separation.left, separation.right
    rows = []
    for number, action in enumerate(separation.difference.actions, 1):
        ends = [_end(trace, number) for trace in (left, right)]
        if action.operation == "api_regs_state_saved" and ends[0] == ends[1] and number < separation.length:
            continue
        stimulus = f"{actor_text(action, left.is_spmc)}: {call_text(action, left.is_spmc)}"
        rows.append(Row(number, stimulus, ends[0], "" if ends[0] == ends[1] else ends[1]))
    return tuple(rows)


def _end(trace: Trace, number: int) -> str:
    if number > len(trace):
        return "is not possible"
    step = trace.steps[number - 1]
    return end_text(step, trace.is_spmc) or _states(step) or "done"


def _states(step: TraceStep) -> str:
    return "; ".join(str(change) for change in step.changes if change.field == "state")
