"""The fixes as pages: the table, the smallest set, and one section for each fix."""

from __future__ import annotations

from collections import defaultdict

from model.source import UPSTREAM_URL
from model.variants.fixes import FIXES
from proofs.findings import findings
from proofs.reports.fixes import Assessment, Effect, Searched, assess
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
        "dependences": searched.dependences,
        "verdict": verdict,
        "findings": findings(),
        "fixing": fixing,
        "unfixed": [item for item in findings().values() if item.id not in fixing],
        "upstream": [effect for effect in assessment.effects if effect.fix.upstream],
        "others": [names - assessment.recommended for names in assessment.smallest[1:MOST]],
        "instead": [assessment.recommended - names for names in assessment.smallest[1:MOST]],
        "source_url": UPSTREAM_URL,
    }


def verdict(effect: Effect) -> str:
    """What is to be said of a fix in few words."""
    if effect.breaks:
        harm = f"; breaks {_ids(effect.breaks)} by itself" + ("" if effect.harms else ", not within the set")
    else:
        harm = "; breaks nothing"
    if effect.recommended:
        return f"recommended: without it, {_ids(effect.needed_for)} would not hold" + harm
    if effect.harms:
        return f"not recommended: added to the set, {_ids(effect.harms)} would not hold" + harm
    return "not needed" + harm


def _ids(formulas: tuple[Formula, ...]) -> str:
    return ", ".join(one.id for one in formulas)
