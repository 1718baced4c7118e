"""Exploring forwards, from Python and from scripts; the state machines and their pictures."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

import pydot
import pytest

from model.environment import DEFAULT
from model.exploration import Granularity
from model.machine import Outcome
from model.topology import BUILT_IN
from model.values import VcpuState
from model.variables import Key
from proofs.commands.app import main
from proofs.scenarios.exploration import explored as explored_scenario
from proofs.scenarios.format import read_scenario
from proofs.traces.exploration import Exploration
from proofs.traces.file_format import encode
from proofs.traces.replay import load_trace
from proofs.traces.state_machines import legal_edges, state_machines
from proofs.traces.trace import ReplayError
from proofs.traces.words import step_text
from properties.coverage import VCPU_EDGES, VM_EDGES
from tests.sample_traces import ABORTING, RESTART, explored, restart

Output = tuple[int, str, str]


@pytest.fixture
def lifecycle(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Output]:
    """Runs `lifecycle` in this process, with standard input: exit code, standard output, standard error."""

    def call(*arguments: object, typed: str = "") -> Output:
        monkeypatch.setattr(sys, "argv", ["lifecycle", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", StringIO(typed))
        with pytest.raises(SystemExit) as exit_request:
            main()
        output = capsys.readouterr()
        assert isinstance(exit_request.value.code, int)
        return exit_request.value.code, output.out, output.err

    return call


def test_looking_ahead_changes_nothing_and_going_back_restores() -> None:
    exploration = explored("2x1-up", "section", RESTART[:2])
    before = exploration.state
    possible = exploration.possibilities()
    assert possible == exploration.possibilities()
    for possibility in possible:
        assert exploration.take(possibility.action) == possibility.step
        assert exploration.state == possibility.step.state
        assert exploration.back()
        assert exploration.state == before
    assert len(exploration) == 2


def test_nothing_happens_after_a_panic_or_out_of_turn() -> None:
    exploration = explored("2x1-up", "section", RESTART)
    assert exploration.is_over
    assert exploration.possibilities() == []
    fresh = Exploration(BUILT_IN["2x1-up"], DEFAULT, "section")
    assert not fresh.back()
    with pytest.raises(ReplayError, match="cannot happen here"):
        fresh.take(restart().steps[3].action)


def test_exploration_goes_on_from_a_trace_and_checks_properties() -> None:
    exploration = Exploration.of(restart(), 4)
    assert exploration.state == restart().steps[3].state
    assert [item.property.id for item in exploration.violated([ABORTING])] == ["T02"]
    assert Exploration.of(restart(), len(restart())).trace == restart()


def test_script_leads_to_a_trace_that_replays(lifecycle: Callable[..., Output], tmp_path: Path) -> None:
    saved, script = tmp_path / "saved.json", tmp_path / "steps"
    script.write_text(
        "take boot\ntake cold  # to a window\nwatch vcpu 0x8001.0 state\ntake 1\nlist FFA_RUN\nback\ntake W8\n"
        f"take FFA_ERROR(ABORTED)\npath\nstate\ncheck\nshow\nsave {saved}\nhelp\nquit\nnever read\n"
    )
    code, out, err = lifecycle("explore", "--topology", "2x1-up", "--script", script)
    assert (code, err) == (0, "")
    assert "    [vcpu 0x8001.0 state] = ABORTED\n" in out
    assert "FFA_RUN(0x8001, vCPU 0) -> window W1 after" in out
    assert load_trace(saved) == explored("2x1-up", "section", RESTART[:4]).trace


def test_exploration_starts_in_a_state_of_a_trace(lifecycle: Callable[..., Output], tmp_path: Path) -> None:
    file = tmp_path / "trace.json"
    file.write_bytes(encode(restart().to_file()))
    code, out, _ = lifecycle("explore", "--from", file, "--step", 6, typed="list CPU_OFF\n")
    assert code == 0
    assert "CPU0 NWd: FFA_MSG_SEND_DIRECT_REQ(SPMD to SPMC, framework message PSCI CPU_OFF)" in out
    assert lifecycle("explore", "--from", file, typed="list\n")[1] == "nothing can happen\n"


SCENARIO = """
version = 1
title = "an SP aborts while it serves a request"
topology = "1x2"
booted = [0]
step = [
  { cpu = 0, call = "FFA_MSG_SEND_DIRECT_REQ2", target = "0x8001" },
  { cpu = 0, call = "FFA_ABORT", reply = "FFA_ERROR(BUSY)" },
  { cpu = 0, call = "SECURE_INTERRUPT", interrupt = 41, outcome = "disabled" },
]
"""
"""Its second step expects what does not happen, which exploring from there does not mind."""


@pytest.mark.parametrize("granularity", list(Granularity))
def test_exploration_starts_in_a_scenario(tmp_path: Path, granularity: Granularity) -> None:
    file = tmp_path / "scenario.toml"
    file.write_text(SCENARIO)
    scenario = read_scenario(file)
    served, aborted = (explored_scenario(scenario, steps, granularity) for steps in (1, None))
    states = [e.layout.value(e.state, Key("vcpu", 0x8001), "state") for e in (served, aborted)]
    assert states == [VcpuState.RUNNING, VcpuState.ABORTED]
    stops = any(step.outcome is Outcome.SUSPENDED for step in served.trace.steps)
    assert stops == (granularity is Granularity.SECTION)
    assert any("DIRECT_REQ2" in step_text(item.step, is_spmc=True) for item in aborted.possibilities())


def test_exploration_of_a_scenario_is_saved_as_a_trace(lifecycle: Callable[..., Output], tmp_path: Path) -> None:
    file, saved = tmp_path / "scenario.toml", tmp_path / "saved.json"
    file.write_text(SCENARIO)
    code, out, err = lifecycle("explore", "--scenario", file, "--at", 1, typed=f"take FFA_YIELD\nsave {saved}\n")
    assert (code, err) == (0, "")
    assert "vcpu 0x8001.0 state: RUNNING -> BLOCKED" in out
    assert load_trace(saved).steps[-1].action.operation == "api_yield"


@pytest.mark.parametrize(
    ("change", "arguments", "code", "complaint"),
    [
        (("version = 1", "version = 2"), [], 3, "scenario.toml: Invalid enum value 2"),
        (("41", "1000"), ["--at", 4], 2, "--step 4: the scenario has only 3 steps"),
        (
            (', outcome = "disabled"', ""),
            [],
            3,
            "step 3 cannot happen there: secure interrupt 41 arrives",
        ),
        (('target = "0x8001"', 'target = "0x8001", sender = "0x7"'), [], 3, "an exploration has no sender 0x7"),
        (("an SP", "an SP"), ["--topology", "1x2"], 2, "exclude each other"),
    ],
)
def test_scenario_that_cannot_be_explored_is_refused(
    lifecycle: Callable[..., Output],
    tmp_path: Path,
    change: tuple[str, str],
    arguments: list[object],
    code: int,
    complaint: str,
) -> None:
    file = tmp_path / "scenario.toml"
    file.write_text(SCENARIO.replace(*change))
    found, out, err = lifecycle("explore", "--scenario", file, *arguments)
    assert (found, out, err.count("\n")) == (code, "", 1)
    assert complaint in err


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ("list\ndance\n", "standard input:2: unknown command 'dance'"),
        ("take\n", "'take' needs"),
        ("take FFA_RUN\n", "fits 0 possibilities"),
        ("take 99\n", "fits 0 possibilities"),
        ("back\n", "only 0 steps"),
        ("path\n", "no step was taken"),
        ("watch vm\n", "watch expression"),
        ("save\n", "the name of one file"),
        ("save /no/such/folder/x\n", "cannot be written"),
    ],
)
def test_what_cannot_be_done_ends_a_script(lifecycle: Callable[..., Output], typed: str, complaint: str) -> None:
    code, _, err = lifecycle("explore", typed=typed)
    assert code in (2, 3)
    assert err.count("\n") == 1
    assert complaint in err


def test_wrong_start_is_refused(lifecycle: Callable[..., Output], tmp_path: Path) -> None:
    file = tmp_path / "trace.json"
    file.write_bytes(encode(restart().to_file()))
    assert "only 8 steps" in lifecycle("explore", "--from", file, "--step", 9)[2]
    assert "--from" in lifecycle("explore", "--step", 9)[2]
    assert "did you mean" in lifecycle("explore", "--topology", "2x1-upp")[2]


def test_tables_are_those_of_the_catalogue() -> None:
    vm = {("vm", s.name, t.name) for s, targets in VM_EDGES.items() for t in targets}
    assert legal_edges("vm") == vm
    vcpu = {("vcpu", s.name, t.name) for s, targets in VCPU_EDGES.items() for t in targets}
    assert {edge for edge in legal_edges("vcpu") if edge[2] != "OFF"} == vcpu


def test_machines_know_traps_dead_edges_and_a_trace() -> None:
    vm, vcpu = state_machines(restart())
    assert vm.traps == {"ABORTING"}
    assert {(e.source, e.target) for e in vm.edges if e.is_dead} >= {("ABORTING", "NULL"), ("ABORTING", "CREATED")}
    edges = {(edge.source, edge.target): edge for edge in vm.edges}
    assert edges["RUNNING", "ABORTING"].operations == ("FFA_ABORT", "FFA_ERROR")
    assert edges["RUNNING", "ABORTING"].steps == (4,)
    assert "STOPPING" in vcpu.unreached
    assert any(edge.steps for edge in vcpu.edges)


@pytest.mark.filterwarnings("ignore::pyparsing.warnings.PyparsingDeprecationWarning")
def test_machine_pictures_are_well_formed(lifecycle: Callable[..., Output], tmp_path: Path) -> None:
    file = tmp_path / "trace.json"
    file.write_bytes(encode(restart().to_file()))
    shown = {
        form: lifecycle("machines", "--trace", file, "--format", form)[1] for form in ("text", "svg", "dot", "mermaid")
    }
    edges = sum(len(machine.edges) for machine in state_machines())
    assert shown["text"].count(" -> ") == edges
    assert "ABORTING is a trap" in shown["text"]
    picture = ElementTree.fromstring(shown["svg"])
    arrows = [item for item in picture.iter() if item.get("class", "").startswith("arrow")]
    assert len(arrows) == edges
    assert any("traced" in item.get("class", "") for item in arrows)
    graph = (pydot.graph_from_dot_data(shown["dot"]) or [])[0]
    assert sum(len(part.get_edges()) for part in graph.get_subgraphs()) == edges
    line = re.compile(r'stateDiagram-v2|    state "[^"]+" as \w+|    (\[\*\]|\w+) --> \w+(: [^<>"]+)?')
    assert all(line.fullmatch(found) for found in shown["mermaid"].splitlines())
    assert lifecycle("machines", "--machine", "vm")[1].count(" -> ") == len(state_machines()[0].edges)
