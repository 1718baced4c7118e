"""A bug planted in an operation is caught by `prove-all`; without it the same run is as expected."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROPERTIES = ("P01", "P06", "P08", "P10", "P12", "P15", "P41")
COMMAND = "from proofs.commands.app import prove_all_main; prove_all_main()"


def prove_all(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `prove-all` on the copy of the project in a folder."""
    chosen = [word for name in PROPERTIES for word in ("--property", name)]
    return subprocess.run(
        [sys.executable, "-c", COMMAND, "--topology", "1x2", "-j", "1", *chosen],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the project's packages."""
    for package in ("model", "properties", "proofs"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_without_a_bug_all_is_as_expected(copy: Path) -> None:
    done = prove_all(copy)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("file", "old", "new", "caught_by"),
    [
        ("direct_messaging.py", "if receiver.state not in (", "if receiver.state in (", "P08"),
        ("vm.py", "ret = to_state == VmState.ABORTING  # L1336", "ret = to_state != VmState.ABORTING  # L1336", "P10"),
        ("cpu_cycles.py", "if next_vm is None:  # L317", "if next_vm is not None:  # L317", "P41"),
    ],
)
def test_an_if_turned_round_is_caught(copy: Path, file: str, old: str, new: str, caught_by: str) -> None:
    path = copy / "model" / "operations" / file
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")
    done = prove_all(copy)
    assert done.returncode == 10, done.stdout + done.stderr
    assert f"NOT AS EXPECTED: {caught_by} on 1x2" in done.stdout
