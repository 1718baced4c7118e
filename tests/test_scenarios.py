"""`lifecycle scenario`: Hafnium's own test scenarios, deviations, malformed files, and the two readings' agreement."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from proofs.commands.app import main
from proofs.engines.successors import Successors

Output = tuple[int, str, str]
Command = Callable[..., Output]

SCENARIOS = sorted((Path(__file__).parent / "scenarios").glob("*.toml"))

SERVED = """
version = 1
title = "an SP is served"
topology = "1x2"
booted = [0]
step = [
  { cpu = 0, call = "FFA_RUN", target = "0x8001.0", runs = "0x8001.0", sees = "FFA_RUN" },
  { cpu = 0, call = "FFA_ERROR", reply = "FFA_ERROR(NOT_SUPPORTED)", refused = [] },
  { cpu = 0, call = "FFA_ABORT", state = { "vm 0x8001" = { state = "ABORTING" }, "vcpu 0x8001.0" = { cpu = "cpu 0" }} },
]
"""
INLINE = SERVED.replace(
    'topology = "1x2"', "topology = { cpus = 2, partition = [{ id = 0x8001, interrupts = [40] }, { id = 0x8002 }] }"
)


@pytest.fixture
def scenario(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `lifecycle scenario` in this process: exit code, standard output, standard error."""

    def call(*arguments: object) -> Output:
        monkeypatch.setattr(sys, "argv", ["lifecycle", "scenario", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_request:
            main()
        output = capsys.readouterr()
        assert isinstance(exit_request.value.code, int)
        return exit_request.value.code, output.out, output.err

    return call


def written(folder: Path, content: str) -> Path:
    """A scenario file."""
    file = folder / "scenario.toml"
    file.write_text(content, encoding="utf-8")
    return file


@pytest.mark.parametrize("file", SCENARIOS, ids=lambda file: file.stem)
def test_scenario_of_hafnium(scenario: Command, file: Path) -> None:
    code, out, err = scenario(file)
    assert (code, out.splitlines()[-1], err) == (0, "1 scenarios: 1 as expected, 0 deviate", "")


def test_scenarios_of_every_kind_are_there() -> None:
    kinds = {file.stem.split("-")[0] for file in SCENARIOS}
    assert kinds >= {"boot", "rtm", "direct", "yield", "interrupt", "power", "abort"}


def test_every_step_is_printed(scenario: Command, tmp_path: Path) -> None:
    code, out, _ = scenario(written(tmp_path, SERVED))
    first, *steps, last = out.splitlines()
    assert first.endswith("scenario.toml: an SP is served")
    assert [(line.split()[0], line.split(" -> ")[1]) for line in steps] == [
        ("boot", "no one runs"),
        ("boot", "0x8001.0 runs"),
        ("boot", "0x8002.0 runs"),
        ("boot", "0x0.0 runs, sees FFA_MSG_WAIT"),
        ("1", "0x8001.0 runs, sees FFA_RUN"),
        ("2", "FFA_ERROR(NOT_SUPPORTED)"),
        ("3", "0x0.0 runs, sees FFA_ERROR(ABORTED)"),
    ]
    assert "CPU0 SP 0x8001 vCPU 0: FFA_ABORT" in steps[-1]
    assert last == "1 scenarios: 1 as expected, 0 deviate"
    assert code == 0


@pytest.mark.parametrize(
    ("old", "new", "difference"),
    [
        ('runs = "0x8001.0"', 'runs = "0x8002.0"', "step 1: runs: expected 0x8002.0, actual 0x8001.0"),
        ('sees = "FFA_RUN"', 'sees = "none"', "step 1: sees: expected none, actual FFA_RUN"),
        (
            "(NOT_SUPPORTED)",
            "(DENIED)",
            "step 2: reply: expected FFA_ERROR(DENIED), actual FFA_ERROR(NOT_SUPPORTED)",
        ),
        ("refused = []", 'refused = ["x"]', "step 2: refused: expected x, actual none"),
        ('"FFA_ABORT"', '"FFA_ABORT", outcome = "panic"', "step 3: outcome: expected panic, actual return"),
        ('"ABORTING"', '"RUNNING"', "step 3: vm 0x8001 state: expected RUNNING, actual ABORTING"),
        ('{ cpu = "cpu 0" }', '{ cpu = "none" }', "step 3: vcpu 0x8001.0 cpu: expected none, actual cpu 0"),
        ('call = "FFA_ABORT"', 'call = "CPU_ON"', "step 3: outcome: expected return, actual disabled"),
        ("booted = [0]", "booted = []", "step 1: outcome: expected return, actual disabled"),
    ],
)
def test_deviation(scenario: Command, tmp_path: Path, old: str, new: str, difference: str) -> None:
    file = written(tmp_path, SERVED.replace(old, new))
    code, out, err = scenario(file)
    assert out.splitlines()[-2:] == [f"{file}: {difference}", "1 scenarios: 0 as expected, 1 deviate"]
    assert (code, err) == (10, "")


def test_the_other_scenarios_still_run_after_a_deviation(scenario: Command, tmp_path: Path) -> None:
    deviating = written(tmp_path, SERVED.replace("(NOT_SUPPORTED)", "(DENIED)"))
    code, out, _ = scenario(deviating, SCENARIOS[0])
    assert (code, out.splitlines()[-1]) == (10, "2 scenarios: 1 as expected, 1 deviate")


def test_registers_are_saved_when_the_scenario_says_so(scenario: Command, tmp_path: Path) -> None:
    state = 'state = { "vcpu 0x8001.0" = { regs_available = "%s" } }'
    step = f'{{ cpu = 0, call = "FFA_MSG_WAIT", save = "explicit", {state} }},'
    saved = '{ cpu = 0, call = "REGISTERS_SAVED", state = { "vcpu 0x8001.0" = { regs_available = "true" } } },'
    served = SERVED[: SERVED.index('  { cpu = 0, call = "FFA_ABORT"')]
    assert scenario(written(tmp_path, f"{served}{step % 'false'}{saved}]"))[0] == 0
    assert scenario(written(tmp_path, f"{served}{step % 'true'}]"))[0] == 10
    busy = '{ cpu = 0, call = "FFA_RUN", target = "0x8002.0", outcome = "disabled" },'
    assert scenario(written(tmp_path, f"{served}{step % 'false'}{busy}{saved}]"))[0] == 0


def test_readings_that_disagree_are_an_internal_error(
    scenario: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Successors, "after", lambda self, state, leaf: state)
    code, out, err = scenario(written(tmp_path, SERVED))
    assert (code, out) == (70, "")
    assert "the readings disagree on step 1 of the execution, CPU0: load_vms()" in err


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("version = 1", "version = 2", "Invalid enum value 2 - at `$.version`"),
        ("version = 1", "", "missing required field `version`"),
        ("version = 1", "version = 1\nauthor = 'x'", "unknown field `author`"),
        ("title", "title =", "not a TOML file: "),
        ('"an SP is served"', '""', "length >= 1 - at `$.title`"),
        ("an SP", "an \x00 SP", "not a TOML file: "),
        ('"1x2"', '"9x9"', "topology: no '9x9'; known: 1x2, "),
        ('"1x2"', '"hypervisor-2x1"', "topology: no 'hypervisor-2x1'"),
        ("booted = [0]", "booted = [1]", "booted: names a CPU twice, or another one before CPU 0"),
        ("booted = [0]", "booted = [0, 0]", "booted: names a CPU twice"),
        ("booted = [0]", "booted = [0, 1]", "booted: there is no CPU 1"),
        ("step = [", "step = []\nsteps = [", "length >= 1 - at `$.step`"),
        ("FFA_ERROR", "FFA_EROR", "Invalid value 'FFA_EROR' - at `$.step[1].call`"),
        ('call = "FFA_ABORT", ', "", "missing required field `call` - at `$.step[2]`"),
        ('target = "0x8001.0", ', "", "missing required field `target` - at `$.step[0]`"),
        ('target = "0x8001.0"', 'target = "0x8001"', "matching regex"),
        ('call = "FFA_ABORT"', 'call = "FFA_ABORT", target = "0x8001"', "unknown field `target` - at `$.step[2]`"),
        ("cpu = 0, call", 'cpu = "0", call', "Expected `int`, got `str` - at `$.step[0].cpu`"),
        ("cpu = 0, call", "cpu = 1, call", "step 1: there is no CPU 1"),
        ('runs = "0x8001.0"', 'runs = "0x8001.1"', "step 1: runs: there is no vCPU '0x8001.1'"),
        ('sees = "FFA_RUN"', 'sees = "FFA_RAN"', "step 1: sees: 'FFA_RAN' is no FF-A value"),
        ("(NOT_SUPPORTED)", "(SORRY)", "step 2: reply: 'FFA_ERROR(SORRY)' is no FF-A value"),
        ("refused = []", 'outcome = "panic"', "step 2: nothing can happen after outcome 'panic'"),
        ("refused = []", 'where = "src/api.c:1"', "step 2: where: outcome 'return' has no place"),
        ("{ state = ", "{ stat = ", "step 3: state: there is no field 'stat' of 'vm 0x8001'"),
        ('"vm 0x8001"', '"vm 0x8009"', "step 3: state: there is no field 'state' of 'vm 0x8009'"),
        ('"ABORTING"', '"BLOCKED"', "step 3: state: state of 'vm 0x8001' cannot be 'BLOCKED'"),
        ('"ABORTING"', "true", "Expected `str`, got `bool`"),
        ('call = "FFA_ABORT"', 'call = "LOAD", failing = "0x1"', "step 3: failing: there is no partition 0x1"),
    ],
)
def test_malformed_file(scenario: Command, tmp_path: Path, old: str, new: str, complaint: str) -> None:
    file = written(tmp_path, SERVED.replace(old, new, 1))
    code, out, err = scenario(SCENARIOS[0], file)
    assert err.startswith(f"lifecycle: {file}: ")
    assert complaint in err
    assert err.count("\n") == 1
    assert (code, out) == (3, "")


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("0x8002", "0x8001", "topology: partition id 0x8001 is used twice"),
        ("id = 0x8002", "id = 0x8002, interrupts = [40]", "topology: interrupt 0x28 is used twice"),
        ("id = 0x8002", 'id = 0x8002, vcpus = "MP", el0 = true', "0x8002: with lifecycle_support or el0 it must be UP"),
        ("id = 0x8002", "id = 0x8002, cpu_off_subscribed = true", "only an S-EL1 MP partition can subscribe"),
        ("id = 0x8002", "id = 0x2", "Expected `int` >= 32769"),
        ("cpus = 2", "cpus = 9", "Expected `int` <= 8"),
        ("interrupts = [40]", "interrupts = [4]", "Expected `int` >= 32"),
    ],
)
def test_malformed_inline_topology(scenario: Command, tmp_path: Path, old: str, new: str, complaint: str) -> None:
    assert scenario(written(tmp_path, INLINE))[0] == 0
    code, out, err = scenario(written(tmp_path, INLINE.replace(old, new, 1)))
    assert complaint in err
    assert (code, out) == (3, "")


def test_files_that_are_not_there_or_not_text(scenario: Command, tmp_path: Path) -> None:
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")
    assert scenario(binary)[0] == 3
    assert scenario(tmp_path / "missing.toml")[0] == 2
    assert scenario()[0] == 2
