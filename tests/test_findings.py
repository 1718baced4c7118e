"""The catalogue of findings, what is expected because of it, and how results are judged by that."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import pytest

from model.source import UPSTREAM_COMMIT
from proofs import findings
from proofs.configurations import DEFAULT_CONFIGURATIONS
from proofs.findings import Expectation, page, update
from proofs.results import CommandOptions, results_file, write_results
from proofs.verdicts import Evidence, Obligation, Result, Verdict
from properties.catalogue import CATALOGUE
from properties.language import Kind

KNOWN = {
    (item.property, item.topology, item.check): item
    for item in (
        Expectation("P01", "2x2", "F01", 4),
        Expectation("P35", "2x2", "F01", 3, "deadlock 0x8001.0"),
        Expectation("P35", "2x2", "F02", 5, "panic src/api.c:146"),
        Expectation("P48.vcpu.NULL-CREATED", "1x2", "F03"),
    )
}
"""What the tests of judging expect."""


@pytest.fixture
def _expecting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "expectations", lambda: KNOWN)


def violated(name: str, depth: int | None, checks: Mapping[str, int] | None = None, topology: str = "2x2") -> Result:
    """A violation as an engine finds it, by checks that are reached in so many steps."""
    causes = {check: range(length) for check, length in (checks or {}).items()}
    return Result(Obligation(name, topology), Verdict.VIOLATED, Evidence("search", 0.0, depth=depth, causes=causes))


def held(name: str, verdict: Verdict = Verdict.PROVED, topology: str = "2x2") -> Result:
    """A result that is no violation."""
    return Result(Obligation(name, topology), verdict, Evidence("search", 0.0))


def judged(result: Result) -> tuple[bool, str, str | None]:
    """Whether a result is as expected, how it deviates, and its findings."""
    (item,) = findings.judge([result])
    return item.expected, item.explanation, item.finding


def test_each_file_holds_the_finding_it_is_named_after() -> None:
    folder = files("proofs.findings") / "catalogue"
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".toml"))
    assert [name.partition("-")[0] for name in names] == list(findings.findings())


def test_every_finding_is_expected_somewhere() -> None:
    assert {item.finding for item in findings.expectations().values()} == set(findings.findings())


@pytest.mark.parametrize("finding", findings.findings().values(), ids=lambda finding: finding.id)
def test_findings_without_an_execution_are_dead_edges(finding: findings.Finding) -> None:
    assert (findings.shortest(finding.id) is None) == (finding.kind == "dead edge")


@pytest.mark.parametrize("finding", findings.findings().values(), ids=lambda finding: finding.id)
def test_sources_are_lines_of_files(finding: findings.Finding) -> None:
    assert finding.sources
    for source in finding.sources:
        place, _, function = source.partition(" ")
        file, _, line = place.partition(":")
        assert file.endswith((".c", ".h"))
        assert line.isdecimal()
        assert function


def test_expectations_are_about_what_the_default_run_decides() -> None:
    decided = {
        (item.id, configuration.topology.name)
        for configuration in DEFAULT_CONFIGURATIONS
        for item in CATALOGUE.values()
        if configuration.decides(item)
    }
    assert {key[:2] for key in findings.expectations()} <= decided


def test_checks_are_told_apart_where_a_property_fails_in_several_ways() -> None:
    for item in findings.expectations().values():
        assert bool(item.check) == CATALOGUE[item.property].causes
        assert (item.length is None) == (CATALOGUE[item.property].kind is Kind.SOMETIMES)


def test_a_finding_that_does_not_exist_is_refused() -> None:
    with pytest.raises(findings.FindingError, match="there is no finding F99; known: F01, "):
        findings.shortest("F99")


def test_a_dead_edge_has_no_trace() -> None:
    dead = next(finding.id for finding in findings.findings().values() if finding.kind == "dead edge")
    with pytest.raises(findings.FindingError, match="never happens"):
        findings.trace_of(dead)


@pytest.mark.usefixtures("_expecting")
@pytest.mark.parametrize(
    ("result", "explanation"),
    [
        (violated("P01", 4), ""),
        (held("P02"), ""),
        (held("P02", Verdict.BOUNDED), ""),
        (violated("P48.vcpu.NULL-CREATED", None, topology="1x2"), ""),
        (violated("P35", 3, {"deadlock 0x8001.0": 3, "panic src/api.c:146": 5}), ""),
        (held("P01"), "expected to be violated (F01), but it is not"),
        (held("P35", Verdict.BOUNDED), "expected to be violated (F01, F02), but it is not"),
        (violated("P02", 4), "violated, but no finding says so"),
        (violated("P01", 4, topology="1x2"), "violated, but no finding says so"),
        (violated("P01", 3), "F01 takes 3 steps, expected 4"),
        (violated("P35", 3, {"deadlock 0x8001.0": 3}), "F02 is gone: panic src/api.c:146 was not found"),
        (
            violated("P35", 3, {"deadlock 0x8001.0": 3, "panic src/api.c:146": 5, "panic src/api.c:1": 7}),
            "panic src/api.c:1: violated, but no finding says so",
        ),
        (
            violated("P35", 3, {"deadlock 0x8001.0": 3, "panic src/api.c:146": 6}),
            "panic src/api.c:146: F02 takes 6 steps, expected 5",
        ),
    ],
)
def test_results_are_judged(result: Result, explanation: str) -> None:
    assert judged(result)[:2] == (not explanation, explanation)


@pytest.mark.usefixtures("_expecting")
@pytest.mark.parametrize("verdict", [Verdict.UNKNOWN, Verdict.TIMEOUT, Verdict.ERROR, Verdict.NOT_RUN])
def test_what_was_not_decided_is_not_as_expected(verdict: Verdict) -> None:
    assert not judged(held("P01", verdict))[0]
    assert not judged(held("P02", verdict))[0]


@pytest.mark.usefixtures("_expecting")
def test_a_violation_gets_its_findings() -> None:
    (result,) = findings.judge([violated("P35", 3, {"deadlock 0x8001.0": 3, "panic src/api.c:146": 5})])
    assert result.finding == "F01, F02"
    assert result.findings == {"deadlock 0x8001.0": "F01", "panic src/api.c:146": "F02"}


LISTED = """
[[violation]]
property = "P01"
topology = "2x2"
finding = "F01"
length = 4

[[violation]]
property = "P02"
topology = "2x2"
finding = "F02"
length = 5

[[violation]]
property = "P03"
topology = "1x2"
finding = "F03"
length = 6

[[violation]]
property = "P99"
topology = "1x2"
finding = "F03"
length = 6
"""


def test_known_violations_keep_their_findings(tmp_path: Path) -> None:
    results = [violated("P01", 3), held("P02"), violated("P01", 7, topology="1x2"), violated("P04", 8)]
    options = CommandOptions(properties=(), topologies=(), variants=(), depth=None, jobs=1, timeout=1.0)
    write_results(tmp_path / "results.json", results_file(results, options, 0))
    text, new = update.renewed(LISTED, tmp_path / "results.json")
    again, nothing = update.renewed(text, tmp_path / "results.json")
    assert again == text
    assert new == [Expectation("P01", "1x2", "F01", 7), Expectation("P04", "2x2", update.UNASSIGNED, 8)]
    assert nothing == []
    assert 'finding = "F01"\nlength = 3' in text, "a new length"
    assert "P02" not in text, "it holds now"
    assert "P03" in text, "it was not decided"
    assert "P99" not in text, "there is no such property"


def test_the_page_is_fresh() -> None:
    assert page.PAGE.read_text(encoding="utf-8") == page.text(), "run 'python -m proofs.findings.page'"


def test_the_page_links_to_the_upstream_source() -> None:
    assert f"{UPSTREAM_COMMIT}/src/api.c#" in page.text()
