"""The fixes as pages: the smallest set, the table, and one section for each fix."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from model.variants.fixes import FIXES
from proofs.findings import findings
from proofs.reports.fixes import Assessment, Effect, Searched, assess, completeness
from proofs.reports.formulas import Formula
from proofs.reports.pages import Files, page, trace

MOST = 6
"""So many of several smallest sets are shown."""


def files(searched: Searched) -> Files:
    """The page, and every execution it speaks of."""
    assessment = assess(searched.dependences)
    pages = page("fixes.md", "fixes", _values(searched, assessment))
    for name, execution in searched.violations.items():
        pages |= trace(name, execution)
    return pages


def _values(searched: Searched, assessment: Assessment) -> dict[str, object]:
    fixing = defaultdict(list)
    for fix in FIXES:
        for finding in fix.findings:
            fixing[finding].append(fix.name)
    return {
        "assessment": assessment,
        "condition_of": assessment.formulas.condition,
        "dependences": searched.dependences,
        "remaining": searched.remaining,
        "standing": standing,
        "verdict": verdict,
        "findings": findings(),
        "unfixed": [item for item in findings().values() if item.id not in fixing],
        "upstream": [
            (effect, upstream_verdict(effect, assessment)) for effect in assessment.effects if effect.fix.upstream
        ],
        "alternatives": [
            (assessment.recommended - names, names - assessment.recommended) for names in assessment.smallest[1:MOST]
        ],
    }


def standing(effect: Effect) -> str:
    """Whether a fix belongs to the recommended set, in a word or two."""
    if effect.recommended:
        return "recommended"
    return "**harms the set**" if effect.harms else "not needed"


def verdict(effect: Effect) -> str:
    """What a fix does, in a few sentences."""
    return " ".join(_sentences(effect))


def _sentences(effect: Effect) -> Iterator[str]:
    if effect.recommended:
        yield f"Recommended: in the set without it, {_ids(effect.needed_for)} would not hold."
    elif effect.harms:
        yield f"Not recommended: if it were added to the set, {_ids(effect.harms)} would not hold any more."
    else:
        yield "Not needed: the set repairs as much without it, and it could be added to the set without harm."
    yield (
        f"By itself it makes {_ids(effect.repairs)} hold," if effect.repairs else "By itself it makes no property hold,"
    )
    if not effect.breaks:
        yield "and breaks none."
    elif effect.recommended:
        yield f"and breaks {_ids(effect.breaks)}, which the rest of the set prevents."
    else:
        yield f"and breaks {_ids(effect.breaks)}."


def upstream_verdict(effect: Effect, assessment: Assessment) -> str:
    """Whether a fix by upstream is complete, or what is missing."""
    found = completeness(effect.fix, assessment)
    faults = [f"it does not make {_ids(found.misses)} hold, which other fixes for its findings do"] * bool(found.misses)
    faults += [f"it breaks {_ids(found.breaks)}"] * bool(found.breaks)
    if faults:
        return f"**not complete**: {', and '.join(faults)}"
    if not found.makes:
        return "**open**: no property that its findings violate tells in the settings searched"
    return f"**complete**: it makes {_ids(found.makes)} hold, and breaks nothing"


def _ids(formulas: Iterable[Formula]) -> str:
    """Ids in a sentence: `P01, P02 and P03`."""
    names = [one.id for one in formulas]
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)
