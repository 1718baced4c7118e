"""The exit codes of all commands, and the exception that ends a command with one of them."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from proofs.verdicts import Result, Verdict


class ExitCode(IntEnum):
    """What a command's exit code means; `text` says it.  Listed from the least to the most severe."""

    text: str

    def __new__(cls, code: int, text: str) -> ExitCode:
        """An exit code and its meaning."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.text = text
        return member

    AS_EXPECTED = 0, "all as expected"
    UNDECIDED = 30, "unknown or timed out"
    VACUOUS = 4, "vacuous"
    DEVIATION = 10, "violated or unexpectedly passing"
    USAGE = 2, "wrong usage"
    INPUT = 3, "model or input error"
    INTERNAL = 70, "internal error"
    INTERRUPTED = 130, "interrupted"


class CommandError(Exception):
    """A command cannot do what it was asked; the message is one sentence that names the fix."""

    def __init__(self, code: ExitCode, message: str):
        super().__init__(message)
        self.code = code


def code_of(result: Result) -> ExitCode:
    """What one result means for the exit code.

    Only a proof, a bound that held, and a violation expected by finding id are ever as expected.
    """
    match result.verdict:
        case Verdict.PROVED | Verdict.BOUNDED:
            return ExitCode.AS_EXPECTED if result.expected else ExitCode.DEVIATION
        case Verdict.VIOLATED:
            return ExitCode.AS_EXPECTED if result.expected and result.finding else ExitCode.DEVIATION
        case Verdict.VACUOUS:
            return ExitCode.VACUOUS
        case Verdict.ERROR:
            return ExitCode.INTERNAL
        case Verdict.UNKNOWN | Verdict.TIMEOUT | Verdict.NOT_RUN:
            return ExitCode.UNDECIDED


def most_severe(codes: Iterable[ExitCode]) -> ExitCode:
    """The code a command ends with when several apply."""
    return max(codes, key=list(ExitCode).index, default=ExitCode.AS_EXPECTED)
