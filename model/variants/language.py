"""What a variant is: a named switch over the model, with two alternatives."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One switch: the alternative of the C at the upstream commit, the other one, what it is about, and its place.

    `places` are the functions of model/operations/ in which it decides.
    """

    name: str
    default: str
    other: str
    text: str
    source: str
    places: tuple[str, ...]

    @property
    def alternatives(self) -> tuple[str, str]:
        """Both alternatives, the default first."""
        return self.default, self.other


@dataclass(frozen=True, slots=True, kw_only=True)
class HunkSwitch(Variant):
    """A hunk of the patch (model/patch.py), which can be taken back by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading(Variant):
    """An ambiguous rule of FF-A and two readings of it; `text` is the question.

    `rule` quotes nobody: it says what is known of the rule, and by whom it is cited.  The C follows the default.
    `assumes` names behaviours of the environment, off by default (model/environment.py), without which the readings
    look alike.  A reading without `places` is about a property's words, not about the C: `properties` says for each
    alternative which property states the rule so read.
    """

    rule: str
    default_means: str
    other_means: str
    assumes: tuple[str, ...] = ()
    properties: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix(Variant):
    """A proposed change of the C: `text` says which; `findings` are those whose root cause it is meant to remove.

    `upstream` is the commit that made this change upstream later, if one did.
    """

    default: str = "as-is"
    other: str = "fixed"
    findings: tuple[str, ...]
    upstream: str = ""
