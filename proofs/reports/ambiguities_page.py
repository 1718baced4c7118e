"""The ambiguity reports as pages: an overview, and one page for each question."""

from __future__ import annotations

from model.variants import VARIANT_BY_NAME
from model.variants.language import Reading
from model.variants.readings import READINGS
from proofs.engines.choices import ALL, NONE, Literal
from proofs.reports.ambiguities import FREE, Ambiguities, Answer, interacting
from proofs.reports.formulas import Formulas
from proofs.reports.pages import Files, page, trace, traces
from proofs.reports.properties_page import verdict_of
from proofs.reports.wording import side_by_side
from proofs.traces.markdown import markdown_text
from properties.catalogue import CATALOGUE

MOST = 12
"""So many readings that repair something are ranked."""
ASSUMED = {
    "other_errors": "SPs call FFA_ERROR with error codes other than ABORTED",
    "cpu_off_refused": "SPs refuse CPU_OFF",
    "bad_aborts": "SPs call FFA_ABORT with a reserved register that is not zero",
}
"""What happens in the environment of a question, and not in that of the properties."""


def files(found: Ambiguities) -> Files:
    """All pages, and every execution they speak of."""
    formulas = Formulas(FREE, found.dependences)
    pages = page("ambiguities.md", "ambiguities", _overview(found, formulas))
    for answer in all_answers(found):
        pages |= question_page(answer, formulas)
        if answer.separation:
            pages |= traces(f"question-{answer.reading.name}", answer.separation, "default", "other")
    for name, execution in found.violations.items():
        pages |= trace(name, execution)
    return pages


def all_answers(found: Ambiguities) -> list[Answer]:
    """The answers, and those about words, which need no search, in the order of the readings."""
    known = {answer.reading.name: answer for answer in found.answers}
    words = {reading.name: Answer(reading, None, ()) for reading in READINGS if not reading.places}
    return [(known | words)[reading.name] for reading in READINGS if reading.name in known | words]


def question_page(answer: Answer, formulas: Formulas) -> Files:
    """The page of one question."""
    name = answer.reading.name
    values = {
        "answer": answer,
        "rows": side_by_side,
        "meaning": meaning,
        "assumed": " and ".join(ASSUMED[item] for item in answer.reading.assumes),
        "last": side_by_side(answer.separation)[-1] if answer.separation else None,
        "repaired": formulas.repaired(name),
        "broken": formulas.broken(name),
        "formulas": [one for one in formulas.undecided() if name in formulas.sets.variants_of(one.holds)],
        "catalogue": CATALOGUE,
        "verdict_of": verdict_of,
    }
    return page("question.md", f"ambiguities/{name}", values)


def _overview(found: Ambiguities, formulas: Formulas) -> dict[str, object]:
    answers = all_answers(found)
    ranked = [
        (answer.reading, formulas.repaired(answer.reading.name), formulas.broken(answer.reading.name))
        for answer in found.answers
        if not answer.reading.assumes
    ]
    ranked.sort(key=lambda entry: (len(entry[2]) - len(entry[1]), entry[0].name))
    return {
        "answers": answers,
        "told_apart": sum(answer.separation is not None for answer in answers),
        "indistinguishable": sum(answer.separation is None and bool(answer.reading.places) for answer in answers),
        "effect": lambda reading: _effect(reading, formulas),
        "best": [entry for entry in ranked if entry[1]][:MOST],
        "pairs": list(interacting(formulas)),
        "free": formulas.sets.variants,
        "dependences": found.dependences,
        "formulas": formulas.undecided(),
        "formula": formulas.condition,
        "alternative": _alternative,
        "always": [one for one in formulas.formulas if one.holds == ALL],
        "never": [one for one in formulas.formulas if one.holds == NONE],
    }


def _effect(reading: Reading, formulas: Formulas) -> tuple[str, str]:
    """How many properties a reading repairs and breaks by itself, if it was asked."""
    if not reading.places or reading.assumes:
        return "-", "-"
    return str(len(formulas.repaired(reading.name))), str(len(formulas.broken(reading.name)))


def _alternative(literal: Literal) -> str:
    """The reading that a literal takes."""
    variant = VARIANT_BY_NAME[literal.variant]
    return variant.other if literal.other else variant.default


def meaning(name: str, means: str) -> str:
    """A reading and what it means, as Markdown; the name once, where the meaning begins with it."""
    rest = means.removeprefix(name)
    separate = rest == means or rest[:1].isalnum() or rest[:1] in "-_("
    return f"**{markdown_text(name)}**" + (f": {markdown_text(means)}" if separate else markdown_text(rest))
