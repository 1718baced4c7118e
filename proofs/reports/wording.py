"""What two executions with the same stimuli show, in words and side by side."""

from __future__ import annotations

from dataclasses import dataclass

from model.environment import Action
from model.machine import Outcome
from model.values import INTERRUPT_RETURN, World
from proofs.engines.product import Observed, role
from proofs.reports.comparison import Separation
from proofs.traces.trace import Trace
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
        left, right = (f"{left}; {_told(difference.action, seen)}" for seen in (difference.left, difference.right))
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


def _told(action: Action, seen: Observed) -> str:
    """What is delivered to whom: `the target is given FFA_RUN`."""
    given = sorted(f"{role(action, key)} is given {value}" for key, value in seen.delivered)
    return ", ".join(given) or "nobody is given a message"


def side_by_side(separation: Separation) -> tuple[Row, ...]:
    """The execution, one row for each stimulus, without the context switches before the last one."""
    left, difference = separation.left, separation.difference
    rows = []
    for number, (action, step) in enumerate(zip(difference.actions[:-1], left.steps, strict=False), 1):
        if action.operation != "api_regs_state_saved":
            rows.append(Row(number, _stimulus(action, left), end_text(step, left.is_spmc) or "done", ""))
    rows.append(Row(separation.length, _stimulus(difference.action, left), *_last(separation)))
    return tuple(rows)


def _stimulus(action: Action, trace: Trace) -> str:
    return f"{actor_text(action, trace.is_spmc)}: {call_text(action, trace.is_spmc)}"


def _last(separation: Separation) -> tuple[str, str]:
    """How the last step ends on each side: in the words of the other steps, if these tell the sides apart."""
    seen = contrast(separation)
    left, right = _ending(seen.left, separation, separation.left), _ending(seen.right, separation, separation.right)
    return (left, right) if left != right else (seen.left, seen.right)


def _ending(general: str, separation: Separation, trace: Trace) -> str:
    """How a last step ends, with its objects; in general terms, and with the failed check, if it does not return."""
    if len(trace) < separation.length:
        return general
    step = trace.steps[-1]
    if step.outcome is Outcome.RETURN:
        return end_text(step, trace.is_spmc) or "done"
    return f"{general} at {step.where}" if step.outcome.is_failure else general
