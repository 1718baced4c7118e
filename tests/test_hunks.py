"""Every hunk of the patch and every write of lifecycle state is accounted for, and the pages that say so are fresh."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from model.patch import HUNKS, NO_FLAG
from model.source import operations
from model.state_writes import STATE_WRITES
from model.topology import BUILT_IN
from model.values import VcpuState, VmState
from model.variables import Layout
from proofs import hunks
from proofs.commands.app import main
from proofs.hunks import Account
from proofs.passages import all_last_steps

HUNKS_BY_FILE = {"src/api.c": 7, "src/ffa/spmc/cpu_cycles.c": 4, "src/load.c": 2}
"""How many hunks of a file the patch has, where it is not one."""


def lifecycle(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """The exit code of `lifecycle`."""
    monkeypatch.setattr(sys, "argv", ["lifecycle", *map(str, arguments)])
    with pytest.raises(SystemExit) as exit_request:
        main()
    assert isinstance(exit_request.value.code, int)
    return exit_request.value.code


def test_every_hunk_and_write_is_accounted_for_and_the_pages_say_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = lifecycle(monkeypatch, "hunks", "--check")
    assert capsys.readouterr().out == ""
    assert code == 0


def test_hunks_are_those_of_the_patch() -> None:
    assert [hunk.id for hunk in HUNKS] == [f"H{number:02}" for number in range(1, 19)]
    files = [hunk.file for hunk in HUNKS]
    assert {file: files.count(file) for file in files} == dict.fromkeys(files, 1) | HUNKS_BY_FILE


def test_hunk_with_statements_has_a_way_and_one_without_a_fact() -> None:
    account = Account(all_last_steps())
    assert {hunk.id for hunk in HUNKS if not account.ways[hunk.id]} == {"H01", "H04", "H07", "H17", "H18"}


def test_facts_of_the_model_are_facts() -> None:
    assert sum(hunk.model_fact == NO_FLAG for hunk in HUNKS) == 4
    layout = Layout(BUILT_IN["2x2"])
    assert not any(variable.field == "aborting" for variable in layout.variables)
    initial = layout.initial()
    for variable in layout.variables:
        if variable.field == "state":
            value = variable.domain[initial[variable.index]]
            assert value is (VmState.NULL if variable.owner.kind == "vm" else VcpuState.CREATED)


def test_infeasible_way_is_reported() -> None:
    """Without the executions in which loading fails, no direct request finds its receiver's VM in state NULL."""
    steps = tuple(step for step in all_last_steps() if step.topology != "1x2")
    assert list(Account(steps).problems()) == ["H06: no execution passes src/api.c:2977"]


def test_missing_mark_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    unmarked = operations() | {"load_primary": replace(operations()["load_primary"], marks={})}
    monkeypatch.setattr(hunks, "operations", lambda: unmarked)
    assert list(Account(all_last_steps()).problems()) == ["H15: no mark in model/operations covers src/load.c:423"]


def test_unlisted_write_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hunks, "STATE_WRITES", tuple(entry for entry in STATE_WRITES if entry.id != "R4"))
    assert list(Account(all_last_steps()).problems()) == ["src/api.c:1281 writes vcpu state ABORTED and is not listed"]


def test_stale_page_is_reported_and_rewritten(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert lifecycle(monkeypatch, "hunks", "--folder", tmp_path) == 0
    page = tmp_path / "patch-hunks.md"
    fresh = page.read_text(encoding="utf-8")
    page.write_text(fresh.replace("H03", "H33"), encoding="utf-8")
    (tmp_path / "state-writes.md").unlink()
    assert lifecycle(monkeypatch, "hunks", "--check", "--folder", tmp_path) == 10
    assert capsys.readouterr().out.splitlines() == [
        f"{page} is stale; run 'lifecycle hunks'",
        f"{tmp_path / 'state-writes.md'} is stale; run 'lifecycle hunks'",
    ]
    assert lifecycle(monkeypatch, "hunks", "--folder", tmp_path) == 0
    assert page.read_text(encoding="utf-8") == fresh
