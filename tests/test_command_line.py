"""The command line: options, reports, exit codes, and one clear sentence for every mistake."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

import proofs
from proofs.commands.app import main, prove_all_main
from proofs.results import read_results
from tests import fakes

Output = tuple[int, str, str]
Command = Callable[..., Output]

TOPOLOGY_FILE = """
version = 1
name = "mine"
cpus = 1
partition = [{ id = 0x8001 }]
"""


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command line in this process: exit code, standard output, standard error."""
    for module in ("obligations", "findings"):
        monkeypatch.setattr(proofs, module, fakes, raising=False)

    def call(*arguments: str, entry: Callable[[], NoReturn] = prove_all_main) -> Output:
        monkeypatch.setattr(sys, "argv", ["command", *arguments])
        with pytest.raises(SystemExit) as exit_request:
            entry()
        output = capsys.readouterr()
        assert isinstance(exit_request.value.code, int)
        return exit_request.value.code, output.out, output.err

    return call


def test_list_names_every_obligation(command: Command) -> None:
    code, out, _ = command("--list", "--property", "P03", "--property", "P01", "--property", "P03")
    assert code == 0
    assert out.splitlines() == [f"{p} {t} default section" for t in ("2x2", "1x2") for p in ("P03", "P01")]


def test_all_as_expected(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    code, out, err = command(
        *("--property", "P01", "--property", "P02", "--property", "P03", "--seed", "7", "--depth", "4", "-j", "1"),
        *("--variant", "revision=after", "--json", str(file), "--junit", str(tmp_path / "junit.xml")),
    )
    lines = out.splitlines()
    assert (code, lines[-1]) == (0, "6 obligations: 2 PROVED, 2 BOUNDED, 2 VIOLATED; all as expected")
    violation = lines.index("  P03 on 2x2 section, 1x2 section")
    assert lines[violation + 1 : violation + 4] == [
        "    F01, an aborted vCPU is resumed",
        "    cpu 0: FFA_RUN",
        "    cpu 1: FFA_ABORT",
    ]
    assert "P02 2x2 section BOUNDED(2) fake engine, 9 states 0.2 s" in [" ".join(line.split()) for line in lines]
    assert err.splitlines()[0] == "[1/6] P01 2x2 section: PROVED (0.2 s)"
    assert len(err.splitlines()) == 6
    contents = read_results(file)
    assert (contents.seed, contents.command.depth, contents.command.jobs) == (7, 4, 1)
    assert [(r.property, r.topology) for r in contents.results] == [
        (p, t) for t in ("2x2", "1x2") for p in ("P01", "P02", "P03")
    ]
    assert {path.name for path in tmp_path.iterdir()} == {"results.json", "junit.xml"}


def test_deviations_come_last_with_their_traces(command: Command) -> None:
    code, out, _ = command("--property", "P04", "--property", "P03", "--topology", "2x2")
    assert code == 10
    assert out.endswith(
        "NOT AS EXPECTED: P04 on 2x2 section: VIOLATED\n"
        "  expected a proof, found a violation\n"
        "    cpu 0: FFA_RUN\n"
        "    cpu 1: FFA_ABORT\n"
        "\n"
        "2 obligations: 2 VIOLATED; 1 NOT as expected\n"
    )


@pytest.mark.parametrize(("property_id", "expected"), [("P05", 4), ("P06", 30), ("raises", 70), ("dies", 70)])
def test_what_is_not_known_is_never_green(command: Command, property_id: str, expected: int) -> None:
    code, out, _ = command("--property", "P01", "--property", property_id, "--topology", "2x2")
    assert code == expected
    assert f"NOT AS EXPECTED: {property_id} on 2x2 section: " in out


def test_timeout_kills_and_says_so(command: Command) -> None:
    code, out, _ = command("--property", "hangs", "--topology", "2x2", "--timeout", "1")
    assert code == 30
    assert "NOT AS EXPECTED: hangs on 2x2 section: TIMEOUT\n  nothing decided within 1 s\n" in out


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--property", "p1"], 2, "unknown property 'p1'; did you mean P01? known: P01, P02, "),
        (["--topology", "2x9"], 2, "unknown topology '2x9'; did you mean 2x3? known: 1x2, "),
        (["--topology", "none.toml"], 3, "none.toml: cannot be read: "),
        (["--topology", "8x8"], 2, "no chosen property applies to a chosen topology"),
        (["--variant", "revision=befor"], 2, "unknown variant 'revision=befor'; did you mean revision=before?"),
        (["--variant", "x"], 2, "unknown variant 'x'; known: revision=after"),
        (["--jobs", "0"], 2, "Invalid value for '--jobs' / '-j'"),
        (["--timeout", "nan"], 2, "Invalid value for '--timeout'"),
        (["--prperty", "P01"], 2, "No such option: --prperty"),
        (["surplus"], 2, "Got unexpected extra argument"),
        (["--json", "missing/file"], 3, "missing/file: cannot be written (No such file or directory)"),
        (["--json", "one", "--junit", "one"], 2, "--json and --junit name the same file"),
    ],
)
def test_mistakes_get_one_sentence(command: Command, arguments: list[str], code: int, sentence: str) -> None:
    actual, out, err = command("--list", *arguments)
    assert (actual, out) == (code, "")
    assert err.startswith(f"prove-all: {sentence}")
    assert err.count("\n") == 1


def test_topology_files(command: Command, tmp_path: Path) -> None:
    file, other = tmp_path / "mine.toml", tmp_path / "other.toml"
    file.write_text(TOPOLOGY_FILE)
    other.write_text(TOPOLOGY_FILE)
    assert command("--list", "--topology", str(file), "--property", "P01")[1] == "P01 mine default section\n"
    code, _, err = command("--list", "--topology", str(file), "--topology", str(other))
    assert (code, err) == (3, f"prove-all: {other}: the name 'mine' is taken; rename one topology\n")


@pytest.mark.parametrize("debugging", [False, True])
def test_internal_errors_are_one_sentence(command: Command, monkeypatch: pytest.MonkeyPatch, debugging: bool) -> None:
    monkeypatch.setattr(fakes, "plan", lambda *_: 1 / 0)
    if debugging:
        monkeypatch.setenv("LIFECYCLE_TRACEBACK", "1")
    code, _, err = command("prove-all", "--list", entry=main)
    assert code == 70
    assert "lifecycle: internal error, ZeroDivisionError: division by zero; please report it" in err
    assert ("Traceback" in err) is debugging
    assert (err.count("\n") == 1) is not debugging


@pytest.mark.parametrize(("entry", "name"), [(main, "prove-all"), (main, "vectors"), (prove_all_main, "")])
def test_help_explains_with_an_example(command: Command, entry: Callable[[], NoReturn], name: str) -> None:
    code, out, _ = command(*filter(None, [name]), "--help", entry=entry)
    assert code == 0
    assert "Example: " in out


def test_umbrella_command(command: Command) -> None:
    code, out, _ = command(entry=main)
    assert code == 0
    assert all(word in out for word in ("prove-all", "vectors", "Example: "))
    assert command("--version", entry=main)[1].startswith("hafnium-lifecycle-proofs ")
    assert command("prove", entry=main)[0] == 2
    assert command("prove-all", "--list", entry=main)[0] == 0


def test_ctrl_c_ends_everything_and_leaves_no_file(tmp_path: Path) -> None:
    program = "from tests.fakes import prove_all_with_fakes; prove_all_with_fakes()"
    options = ["--property", "P01", "--property", "hangs", "--json", str(tmp_path / "results.json"), "-j", "2"]
    with subprocess.Popen(
        [sys.executable, "-c", program, *options],
        cwd=Path(__file__).parent.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("[1/4] P01 ")
        assert process.stderr.readline().startswith("[2/4] P01 ")
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out.endswith("4 obligations: 2 PROVED, 2 NOT-RUN; 2 NOT as expected\n")
    assert err == "prove-all: interrupted; no results file was written\n"
    assert not list(tmp_path.iterdir())
