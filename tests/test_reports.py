"""The reports: their pages from small data, the links between them, and what the commands say of them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from posixpath import dirname, join, normpath

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
from tests.test_traces_html import CHROMIUM, needs_browser

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
    return patch_review.review_topology(Setting("2x1-up", Granularity.HANDLER))


def violated(name: str, *others: str) -> Dependence:
    """As if a search had found that a property is violated exactly when none of some variants is read otherwise."""
    term = frozenset(Literal(other, False) for other in others)
    return Dependence(Setting("2x1-up"), 1000, True, {name: (term,)})


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
    fixes = Searched((violated("P45c", "run-denies-self"), violated("P33", "abort-resumes-preempted")), {}, ())
    return {
        **patch_review_page.files([review]),
        **ambiguities_page.files(ambiguities),
        **fixes_page.files(fixes),
        **properties_page.files(),
    }


def test_every_link_leads_somewhere(pages: Files) -> None:
    known = {name: set(re.findall(r'id="([^"]+)"', text)) for name, text in pages.items()}
    known["../findings.md"] = set(re.findall(r'id="([^"]+)"', findings_text()))
    followed = 0
    for name, text in pages.items():
        if name.startswith("traces/"):
            continue
        for link in re.findall(r'href="([^"]+)"' if name.endswith(".html") else r"\]\(([^)]+)\)", text):
            if not link.startswith("https://git.trustedfirmware.org/"):
                path, _, fragment = link.partition("#")
                target = normpath(join(dirname(name), path)) if path else name
                assert target in known, (name, link)
                assert not fragment or fragment in known[target], (name, link)
                followed += 1
    assert followed > 200


def test_a_question_shows_both_executions_and_ends_in_a_question(pages: Files) -> None:
    text = pages[f"ambiguities/{QUESTION.name}.md"]
    rows = [line.split(" | ") for line in text.splitlines() if re.match(r"\| \d", line)]
    assert [row[3].startswith("the same") for row in rows] == [True] * (len(rows) - 1) + [False]
    assert rows[-1][2:] == ["**returns FFA_ERROR(BUSY)**", "**returns FFA_ERROR(ABORTED)** |"]
    question = text.partition("## The question to the owner of the specification")[2]
    assert f"They differ in step {rows[-1][0].strip('| ')} above" in question
    assert "> - **BUSY**: the SP is stopped, and may come back. Then: *returns FFA_ERROR(BUSY)*." in question
    assert f"Please answer **{QUESTION.default}** or **{QUESTION.other}**" in question


def test_a_question_that_no_one_can_tell_says_how_far_that_is_known(pages: Files) -> None:
    assert "| 2x1-up | 10 | all pairs: this is a proof |" in pages["ambiguities/boot-chain.md"]


def test_conditions_have_a_line_for_each_case(pages: Files) -> None:
    overview = pages["ambiguities.md"].splitlines()
    start = next(number for number, line in enumerate(overview) if 'id="when-p47"' in line)
    assert overview[start].endswith("**. Holds exactly in these cases:")
    assert overview[start + 1 : start + 3] == [
        "  - [first-caller](ambiguities/first-caller.md) `= BUSY`",
        "  - [stopped-busy](ambiguities/stopped-busy.md) `= ABORTED`",
    ]


def test_fixes_are_recommended_for_what_they_repair(pages: Files) -> None:
    assert "- Recommended: in the set without it, P45c would not hold." in pages["fixes.md"]
    assert "2 fixes together make every property hold" in pages["fixes.md"]
    rows = [line for line in pages["fixes.md"].splitlines() if line.startswith("| `9799a3a3d983`")]
    assert rows
    assert all("**complete**: it makes P33 hold, and breaks nothing" in row for row in rows)
    assert "**open**: no property that its findings violate tells" in pages["fixes.md"]


def test_a_fix_that_misses_or_breaks_something_is_not_complete() -> None:
    needs_both = [
        Dependence(Setting("2x1-up"), 1, True, {"P35": (frozenset({Literal(name, False)}),)})
        for name in ("resume-skips-booted", "boot-skips-booted")
    ]
    breaking = Dependence(Setting("2x1-up"), 1, True, {"X08": (frozenset({Literal("resume-skips-booted", True)}),)})
    fix = next(fix for fix in FIXES if fix.name == "resume-skips-booted")
    alone = completeness(fix, assess(needs_both))
    assert (alone.makes, [one.id for one in alone.misses], alone.breaks) == ((), ["P35"], ())
    assert [one.id for one in completeness(fix, assess([breaking])).breaks] == ["X08"]
    text = fixes_page.files(Searched(tuple(needs_both), {}, ()))["fixes.md"]
    assert "**not complete**: it does not make P35 hold, which other fixes for its findings do" in text


def test_the_review_says_of_each_property_what_became_of_it(pages: Files, review: TopologyReview) -> None:
    text = pages["patch-review.md"]
    assert "| [P44](properties.md#p44) Locks are taken in the documented order | holds |" in text
    assert "| [P13](properties.md#p13) No change of a VM's state is refused | **now violated** |" in text
    for change in review.behaviour:
        assert change.key in text


def test_the_review_comment_is_short(review: TopologyReview) -> None:
    many = tuple(replace(review.behaviour[0], key=f"change {number}") for number in range(50))
    judged = tuple(replace(review.behaviour[0], key=key) for key in judgements())
    for behaviour in (review.behaviour, many, judged, many + judged):
        comment = patch_review_page.gerrit([replace(review, behaviour=behaviour)])
        assert len(comment.splitlines()) <= 60
        assert comment.startswith("Model-checked against the parent")


def test_judgements_match_what_is_found() -> None:
    known = set(judgements())
    gone = min(known)
    assert deviations(known) == []
    assert deviations(known - {gone} | {"new"}) == ["not judged: new", f"judged, but gone: {gone}"]


def test_text_stays_text_in_html() -> None:
    page = html('# A <b>title\n\n<script>alert(1)</script> <a id="here"></a>[x](javascript:alert) <img src=x>\n')
    assert "<script" not in page
    assert "<img" not in page
    assert 'javascript:alert"' not in page
    assert '<a id="here"></a>' in page
    assert "<title>A &lt;b&gt;title</title>" in page


def test_review_fails_when_a_change_is_not_judged(
    command: Command, monkeypatch: pytest.MonkeyPatch, review: TopologyReview
) -> None:
    unjudged = replace(review, behaviour=(replace(review.behaviour[0], key="something new"),))
    monkeypatch.setattr(patch_review, "review", lambda jobs: (unjudged,))
    code, out, err = command("patch-review", "--format", "gerrit")
    assert code == 10
    assert "NOT JUDGED: something new" in out
    assert "NOT AS EXPECTED: not judged: something new\n" in err


def test_an_unknown_question_is_refused(command: Command) -> None:
    code, out, err = command("ambiguities", "nosuch")
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert "nosuch" in err


def test_check_reports_pages_that_differ_and_pages_that_are_stale(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = {"fixes.md": "new\n", "same.md": "same\n", "missing.md": "x\n", "fixes.html": "<p>new\n"}
    monkeypatch.setattr(all_reports, "all_files", lambda jobs: (made, []))
    kept = {"fixes.md": "old\n", "same.md": "same\n", "ambiguities/gone.md": "gone\n"}
    for name, text in kept.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    code, _, err = command("reports", "--check", "-o", str(tmp_path))
    assert code == 10
    assert err.splitlines() == [
        f"NOT AS EXPECTED: differs: {name}" for name in ("ambiguities/gone.md", "fixes.md", "missing.md")
    ]
    assert (tmp_path / "fixes.md").read_text(encoding="utf-8") == "old\n"
    (tmp_path / "ambiguities/gone.md").unlink()
    assert command("reports", "-o", str(tmp_path))[0] == 0
    assert command("reports", "--check", "-o", str(tmp_path))[0] == 0


@needs_browser
@pytest.mark.parametrize("name", ["patch-review", "ambiguities", f"ambiguities/{QUESTION.name}", "fixes", "properties"])
def test_pages_fit_a_narrow_window(pages: Files, name: str, tmp_path: Path) -> None:
    measure = "<script>document.title = document.documentElement.scrollWidth - innerWidth</script>"
    file = tmp_path / "page.html"
    file.write_text(pages[f"{name}.html"].replace("</body>", measure + "</body>"), encoding="utf-8")
    command = [
        CHROMIUM or "",
        *("--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"),
        *("--window-size=500,800", "--dump-dom", file.as_uri()),
    ]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    found = re.search(r"<title>(-?\d+)</title>", shown)
    assert found
    assert int(found[1]) <= 0
