"""Telling changes of behaviour apart: by what changes, in which operation, and the C line that decides it."""

from __future__ import annotations

from enum import Enum

from model.machine import Outcome
from model.patch import HUNKS
from model.source import Location
from model.values import Func
from proofs.engines.product import Observed
from proofs.reports.comparison import Separation
from proofs.traces.words import operation_text


class Change(Enum):
    """What the patch makes of an operation."""

    STOPS = "stops the system now"
    NO_LONGER_STOPS = "no longer stops the system"
    REFUSED = "is refused now"
    GRANTED = "is granted now"
    OTHER_ERROR = "is refused with another error"
    OTHER_WAY = "goes another way"


def change_of(before: Observed, after: Observed) -> Change:
    """What kind of change there is between two observations that differ."""
    if after.outcome.is_failure != before.outcome.is_failure:
        return Change.STOPS if after.outcome.is_failure else Change.NO_LONGER_STOPS
    match _is_refusal(before), _is_refusal(after):
        case False, True:
            return Change.REFUSED
        case True, False:
            return Change.GRANTED
        case True, True:
            return Change.OTHER_ERROR
    return Change.OTHER_WAY


def key_of(separation: Separation) -> str:
    """The name of a class of changes: `FFA_RUN is refused now, decided at src/api.c:1260`."""
    difference = separation.difference
    line = _deciding_line(separation)
    parts = [f"{operation_text(difference.action)} {change_of(difference.left, difference.right).value}"]
    if line:
        parts.append(f"decided at {line}")
    if any(action.operation == "load_vms" and action.arguments for action in difference.actions):
        parts.append("after a partition failed to load")
    return ", ".join(parts)


def _is_refusal(seen: Observed) -> bool:
    return seen.outcome is Outcome.RETURN and seen.reply is not None and seen.reply.func is Func.ERROR


def _deciding_line(separation: Separation) -> str:
    """The last line of a hunk that the last step passes after the patch; without one, the last line."""
    lines = separation.right.steps[-1].lines if len(separation.right) == separation.length else ()
    changed = [line for line in lines if _is_in_hunk(line)]
    last = [*lines, *changed][-1:]
    return f"{last[0].file}:{last[0].first}" if last else ""


def _is_in_hunk(line: Location) -> bool:
    return any(line.file == hunk.file and hunk.first <= line.first <= hunk.last for hunk in HUNKS)
