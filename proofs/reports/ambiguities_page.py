"""The ambiguity reports as pages: an overview, and one page for each question."""

from __future__ import annotations

from dataclasses import dataclass

from model.source import UPSTREAM_URL
from model.variants.language import Reading
from model.variants.readings import READINGS
from proofs.engines.choices import ALL, NONE
from proofs.findings import expectations
from proofs.reports.ambiguities import FREE, Ambiguities, Answer, interacting
from proofs.reports.formulas import Formulas
from proofs.reports.pages import Files, page, trace, traces
from proofs.reports.wording import contrast, side_by_side
from properties.catalogue import CATALOGUE

MOST = 12
"""So many readings that repair something are ranked."""


@dataclass(frozen=True, slots=True)
class Place:
    """A line of the C, with a link."""

    text: str
    url: str


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
        "sources": _sources,
        "repaired": formulas.repaired(name),
        "broken": formulas.broken(name),
        "formulas": [one for one in formulas.undecided() if name in formulas.sets.variants_of(one.holds)],
        "formula": formulas.text,
        "shown": lambda one: f"../traces/question-{name}-{one.id}.html",
        "catalogue": CATALOGUE,
        "verdict_of": _verdict_of,
        "question": question,
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
        "formula": formulas.text,
        "always": [one.id for one in formulas.formulas if one.holds == ALL],
        "never": [one.id for one in formulas.formulas if one.holds == NONE],
    }


def _effect(reading: Reading, formulas: Formulas) -> str:
    if not reading.places or reading.assumes:
        return "-"
    return f"{len(formulas.repaired(reading.name))} / {len(formulas.broken(reading.name))}"


def _sources(reading: Reading) -> list[Place]:
    """The places in the C, from `file:line, file:line`."""
    places = []
    for text in reading.source.split(", "):
        file, _, line = text.partition(":")
        places.append(Place(text, f"{UPSTREAM_URL}/{file}#{line.partition('-')[0]}"))
    return places


def _verdict_of(name: str) -> str:
    """What is known of a property of the C, and where it is violated."""
    violated = [item for item in expectations().values() if item.property == name]
    if not violated:
        return "holds on every default configuration"
    shortest = min(violated, key=lambda item: item.length or 0)
    topologies = ", ".join(sorted({item.topology for item in violated}))
    return f"violated on {topologies}; shortest in {shortest.length} steps on {shortest.topology} ({shortest.finding})"


def question(answer: Answer) -> str:
    """The question to the owner of the specification, precise enough to be answered by one word."""
    reading = answer.reading
    if answer.separation is None:
        return (
            f"{reading.text} Is {reading.default} meant ({_sentence(reading.default_means)}), or {reading.other} "
            f"({_sentence(reading.other_means)})?"
        )
    seen = contrast(answer.separation)
    return (
        f"{reading.text} In step {answer.separation.length} above, {seen.operation}: is it meant that {seen.left}, as "
        f"under {reading.default} ({_sentence(reading.default_means)}), or that {seen.right}, as under {reading.other} "
        f"({_sentence(reading.other_means)})?"
    )


def _sentence(text: str) -> str:
    """A sentence as a part of another one."""
    return text.rstrip(".")
