"""What a run leaves behind: the results file, its schema, the JUnit report, and files that are never half-written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from junitparser import Error, Failure, JUnitXml

from proofs.exit_codes import CommandError, ExitCode, code_of, most_severe
from proofs.files import check_writable, write_atomically
from proofs.junit import write_junit
from proofs.results import CommandOptions, ResultsError, json_schema, read_results, results_file, write_results
from proofs.verdicts import Evidence, Obligation, Result, Verdict
from tests import fakes

OPTIONS = CommandOptions(properties=("P01",), topologies=(), variants=(), depth=None, jobs=2, timeout=60.0)
RESULTS = fakes.judge([fakes.result(property_id) for property_id in fakes.VERDICTS])


def test_results_file_is_read_back_as_written(tmp_path: Path) -> None:
    contents = results_file(RESULTS, OPTIONS, seed=3)
    write_results(tmp_path / "results.json", contents)
    assert read_results(tmp_path / "results.json") == contents
    violated = msgspec.to_builtins(contents)["results"][2]
    assert violated["verdict"] == "VIOLATED"
    assert violated["finding"] == "F01"
    assert violated["trace"] == fakes.FakeTrace().to_json()
    assert contents.results[0].trace is None


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('"schema_version": 1', '"schema_version": 2', "$.schema_version"),
        ('"verdict": "PROVED"', '"verdict": "FINE"', "$.results[0].verdict"),
        ('"seed": 3', '"sneed": 3', "sneed"),
        ('"jobs": 2', '"jobs": "2"', "$.command.jobs"),
        ('"schema_version": 1,', "", "schema_version"),
        ('"results": [', '"results": ', ""),
    ],
)
def test_malformed_results_are_refused_in_one_sentence(tmp_path: Path, old: str, new: str, place: str) -> None:
    file = tmp_path / "results.json"
    write_results(file, results_file(RESULTS, OPTIONS, seed=3))
    file.write_text(file.read_text().replace(old, new, 1))
    with pytest.raises(ResultsError) as refusal:
        read_results(file)
    assert str(refusal.value).startswith(f"{file}: not a results file of this version: ")
    assert place in str(refusal.value)


def test_missing_results_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="cannot be read"):
        read_results(tmp_path / "none.json")


def test_published_schema_is_current() -> None:
    published = Path(__file__).parent.parent / "docs/schemas/results.schema.json"
    assert published.read_bytes() == json_schema()


def test_junit_report_tells_expected_from_unexpected(tmp_path: Path) -> None:
    not_run = Result(Obligation("P07", "1x2"), Verdict.NOT_RUN, Evidence("none", 0.0, detail="stopped \x1b[31m\x00"))
    write_junit(tmp_path / "junit.xml", [*RESULTS, not_run])
    suites = JUnitXml.fromfile(str(tmp_path / "junit.xml"))
    cases = {case.name: case for suite in suites for case in suite}
    assert (suites.tests, suites.failures, suites.errors) == (7, 2, 2)
    assert (cases["P01"].is_passed, cases["P01"].time, cases["P01"].classname) == (True, 0.25, "2x2.section.default")
    assert cases["P03"].is_passed
    assert cases["P03"].system_out == "VIOLATED by fake engine as expected: finding F01"
    for name, kind in (("P04", Failure), ("P05", Failure), ("P06", Error), ("P07", Error)):
        assert [type(outcome) for outcome in cases[name].result] == [kind]
    assert cases["P04"].result[0].message == "VIOLATED: expected a proof, found a violation"


@pytest.mark.parametrize(
    ("verdict", "changes", "code"),
    [
        (Verdict.PROVED, {}, ExitCode.AS_EXPECTED),
        (Verdict.BOUNDED, {}, ExitCode.AS_EXPECTED),
        (Verdict.PROVED, {"expected": False}, ExitCode.DEVIATION),
        (Verdict.VIOLATED, {"finding": "F01"}, ExitCode.AS_EXPECTED),
        (Verdict.VIOLATED, {}, ExitCode.DEVIATION),
        (Verdict.VACUOUS, {}, ExitCode.VACUOUS),
        (Verdict.ERROR, {}, ExitCode.INTERNAL),
        (Verdict.UNKNOWN, {}, ExitCode.UNDECIDED),
        (Verdict.TIMEOUT, {"finding": "F01"}, ExitCode.UNDECIDED),
        (Verdict.NOT_RUN, {}, ExitCode.UNDECIDED),
    ],
)
def test_only_what_is_known_and_expected_is_green(verdict: Verdict, changes: dict[str, Any], code: ExitCode) -> None:
    assert code_of(replace(fakes.result("P01"), verdict=verdict, **changes)) is code


def test_the_most_severe_exit_code_wins() -> None:
    assert most_severe([]) == 0
    assert most_severe([ExitCode.AS_EXPECTED, ExitCode.UNDECIDED]) == 30
    assert most_severe([ExitCode.UNDECIDED, ExitCode.DEVIATION, ExitCode.VACUOUS]) == 10
    assert most_severe([ExitCode.INTERNAL, ExitCode.DEVIATION]) == 70


def test_files_are_written_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "file"
    check_writable(file)
    assert not file.exists()
    write_atomically(file, b"old")
    check_writable(file)
    assert file.read_bytes() == b"old"
    write_atomically(file, b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"new")]


def test_links_and_devices_stay_what_they_are(tmp_path: Path) -> None:
    link, target = tmp_path / "link", tmp_path / "target"
    link.symlink_to(target)
    write_atomically(link, b"text")
    assert link.is_symlink()
    assert target.read_bytes() == b"text"
    check_writable(Path("/dev/null"))
    write_atomically(Path("/dev/null"), b"text")
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("name", ["missing/file", "."])
def test_unwritable_files_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CommandError, match="cannot be written"):
        check_writable(tmp_path / name)
    with pytest.raises(CommandError, match="cannot be written"):
        write_atomically(tmp_path / name, b"text")
