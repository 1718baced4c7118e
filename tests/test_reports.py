"""The reports: their pages from small data, the links between them, and what the commands say of them."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import NoReturn

import pytest

from model.environment import DEFAULT
from model.exploration import Granularity
from model.topology import BUILT_IN
from model.variants import DEFAULT_VARIANTS, Variants
from model.variants.fixes import FIXES
from model.variants.readings import READINGS
from proofs.commands.app import main
from proofs.engines.choices import Literal
from proofs.findings.page import text as findings_text
from proofs.reports import all as all_reports
from proofs.reports import ambiguities_page, fixes_page, patch_review, patch_review_page, properties_page
from proofs.reports.ambiguities import Ambiguities, Answer, Search
from proofs.reports.comparison import compare
from proofs.reports.fixes import Searched, assess, completeness
from proofs.reports.judgements import deviations, judgements
from proofs.reports.pages import Files, html
from proofs.reports.patch_review import TopologyReview
from proofs.reports.settings import Dependence, Setting
from proofs.traces.trace import Trace, record

Command = Callable[..., tuple[int, str, str]]
QUESTION = next(reading for reading in READINGS if reading.name == "stopped-busy")


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `lifecycle` in this process: exit code, standard output, standard error."""

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["lifecycle", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        output = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, output.out, output.err

    return call


@pytest.fixture(scope="module")
def review() -> TopologyReview:
    """The patch on the smallest topology."""
    return patch_review.review_topology(("2x1-up", Granularity.HANDLER))


def violated(name: str, *others: str) -> Dependence:
    """As if a search had found that a property is violated exactly when none of some variants is read otherwise."""
    term = frozenset(Literal(other, False) for other in others)
    return Dependence(Setting("2x1-up"), 1000, True, {name: (term,)})


def an_execution() -> Trace:
    """Some execution, to be shown."""
    return record(BUILT_IN["2x1-up"], DEFAULT, "handler", ())


@pytest.fixture(scope="module")
def pages(review: TopologyReview) -> Files:
    """Every kind of page, from small data: one question, one fix that matters, one topology."""
    topology = BUILT_IN["2x1-up"]
    found = compare(topology, DEFAULT, DEFAULT_VARIANTS, Variants.of({QUESTION.name: QUESTION.other}), 100_000, True)
    answer = Answer(QUESTION, found.separations[0], (Search(topology.name, found.pairs.count, True, 5),))
    silent = Answer(next(r for r in READINGS if r.name == "boot-chain"), None, (Search("2x1-up", 10, True, 5),))
    unread = [Answer(r, None, ()) for r in READINGS if r.places and r not in (QUESTION, silent.reading)]
    needed = (violated("P47", QUESTION.name, "first-caller"), violated("P10", QUESTION.name))
    ambiguities = Ambiguities((answer, silent, *unread), needed, {})
    fixes = Searched((violated("P45c", "run-denies-self"), violated("P33", "abort-resumes-preempted")), {})
    return {
        **patch_review_page.files([review]),
        **ambiguities_page.files(ambiguities),
        **fixes_page.files(fixes),
        **properties_page.files(),
    }
