"""What traces look like: text, other tools' formats checked by their own readers, escaping, watching, comparing."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import itf_py
import pydot
import pytest
from rich.console import Console
from vcd.reader import TokenKind, tokenize

from proofs.commands.app import main
from proofs.traces.file_format import encode
from proofs.traces.graphs import dot, mermaid
from proofs.traces.itf import itf
from proofs.traces.log import gdb_log
from proofs.traces.markdown import MOST_LINES, markdown
from proofs.traces.text import View, render
from proofs.traces.trace import Trace
from proofs.traces.vcd import vcd
from proofs.traces.watch import WatchError, compile_watch
from tests.sample_traces import HOSTILE, aborting, restart

Output = tuple[int, str, str]

HOSTILE_TRACE = replace(
    aborting(), finding="F99", statement=HOSTILE, topology=replace(aborting().topology, description=HOSTILE)
)


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., Output]:
    """Runs `lifecycle trace show` on a file of the sample execution: exit code, standard output, standard error."""
    file = tmp_path / "trace.json"
    file.write_bytes(encode(restart().to_file()))

    def call(*arguments: object) -> Output:
        monkeypatch.setattr(sys, "argv", ["lifecycle", "trace", "show", str(file), *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_request:
            main()
        output = capsys.readouterr()
        assert isinstance(exit_request.value.code, int)
        return exit_request.value.code, output.out, output.err

    return call


def test_text_says_who_did_what_and_what_changed(show: Callable[..., Output]) -> None:
    code, out, err = show()
    assert (code, err) == (0, "")
    assert "  4  CPU0 SP 0x8001 vCPU 0: FFA_ERROR(ABORTED) -> NWd runs and gets FFA_MSG_WAIT\n" in out
    assert "       vm 0x8001 state: RUNNING -> ABORTING\n" in out
    assert "CPU0: PSCI CPU_ON -> PANIC at src/arch/aarch64/plat/psci/spmc.c:151" in out
    assert "spmc.c:151: CHECK(vcpu_state_set(boot_vcpu, VCPU_STATE_STARTING))  FAILS" in out
    assert "vcpu.c:805: case VCPU_STATE_ABORTED:  yes   from_state = ABORTED" in out
    assert "\x1b" not in out


def test_one_step_one_state_columns_and_paths(show: Callable[..., Output]) -> None:
    only = show("--step", 4)[1]
    assert "FFA_ERROR" in only
    assert "cold boot" not in only
    assert "ffa_cpu_cycles_error_32()" in only
    state = show("--state", 4)[1]
    assert re.search(r"vm 0x8001 \(SP 0x8001\) +state +ABORTING  \(was RUNNING\)", state)
    columns = show("--columns")[1]
    assert re.search(r"^ +CPU0 +CPU1", columns, re.MULTILINE)
    assert len(show("--paths")[1]) > len(show()[1])


def test_watch_evaluates_at_every_step(show: Callable[..., Output]) -> None:
    out = show("--watch", "vcpu 0x8001.0 state == ABORTED and not cpu 0 is_on")[1]
    assert out.count("is_on] = false") == len(restart())
    assert out.count("is_on] = true *") == 1


def test_trace_does_not_differ_from_itself(show: Callable[..., Output], tmp_path: Path) -> None:
    assert "0 fields differ at the end" in show("--diff", tmp_path / "trace.json")[1]
    other = tmp_path / "other.json"
    other.write_bytes(encode(replace(aborting(), property_id="").to_file()))
    out = show("--diff", other)[1]
    assert "-   8  CPU0: PSCI CPU_ON" in out
    assert "cpu 1 is_on: true / false" in out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--step", 9], "the trace has only 8 steps"),
        (["--state", 9], "the trace has only 8 steps"),
        (["--format", "itf", "--step", 1], "leave the other options out"),
        (["--format", "pdf"], "pdf"),
        (["--watch", "vcpu 0x8001.0 stat"], "did you mean 'state'"),
        (["--diff", "F00"], "neither a trace file nor a finding"),
    ],
)
def test_wrong_usage_is_one_sentence(show: Callable[..., Output], arguments: list[object], complaint: str) -> None:
    code, out, err = show(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert complaint in err


def test_output_file_holds_what_would_be_printed(show: Callable[..., Output], tmp_path: Path) -> None:
    for form in ("text", "json", "itf", "vcd", "mermaid", "dot", "markdown", "html", "log"):
        file = tmp_path / form
        assert show("--format", form, "-o", file) == (0, "", "")
        assert file.read_text() == show("--format", form)[1]
    assert (tmp_path / "json").read_bytes() == encode(restart().to_file())


@pytest.mark.parametrize("trace", [restart(), HOSTILE_TRACE], ids=["restart", "hostile"])
def test_itf_is_read_by_its_own_library(trace: Trace) -> None:
    parsed = itf_py.trace_from_json(json.loads(itf(trace)))
    assert len(parsed.states) == len(trace) + 1
    last = parsed.states[-1].values
    assert last["vm_0x8001"].state == "ABORTING"
    assert set(parsed.vars) == set(last)


@pytest.mark.parametrize("trace", [restart(), HOSTILE_TRACE], ids=["restart", "hostile"])
def test_vcd_is_read_by_its_own_library(trace: Trace) -> None:
    tokens = list(tokenize(BytesIO(vcd(trace).encode())))
    names = {token.var.id_code: token.var.reference for token in tokens if token.kind is TokenKind.VAR}
    strings = [token.string_change for token in tokens if token.kind is TokenKind.CHANGE_STRING]
    assert {"vcpu_0x8001_0_state", "cpu_0_current", "cpu_1_operation"} <= set(names.values())
    assert "ABORTING" in {change.value for change in strings if names[change.id_code] == "vm_0x8001_state"}
    times = [token.time_change for token in tokens if token.kind is TokenKind.CHANGE_TIME]
    assert times == sorted(times)


@pytest.mark.filterwarnings("ignore::pyparsing.warnings.PyparsingDeprecationWarning")
@pytest.mark.parametrize("trace", [restart(), HOSTILE_TRACE], ids=["restart", "hostile"])
def test_dot_is_read_by_a_dot_parser(trace: Trace) -> None:
    graph = (pydot.graph_from_dot_data(dot(trace)) or [])[0]
    assert len(graph.get_edges()) == len(trace)
    assert {f"s{number}" for number in range(len(trace) + 1)} <= {node.get_name() for node in graph.get_nodes()}


def test_mermaid_lines_follow_its_grammar_and_hold_nothing_active() -> None:
    line = re.compile(
        r"sequenceDiagram|    participant \w+ as [^<>;\"]+|    \w+-?->>\w+: .+|    Note over \w+: .+", re.DOTALL
    )
    for trace in (restart(), HOSTILE_TRACE):
        text = mermaid(trace)
        assert all(line.fullmatch(found) for found in text.splitlines())
        assert not set('<>"`{}\\%&') & set(text.replace("->>", "").replace("-->>", ""))
        assert not re.search(r";(?<!#\d;)(?<!#\d\d;)(?<!#\d\d\d;)", text)


def test_markdown_is_short_and_escaped() -> None:
    long = replace(restart(), steps=restart().steps * 30)
    for trace in (restart(), HOSTILE_TRACE, long):
        assert len(markdown(trace).splitlines()) <= MOST_LINES
    assert "<script" not in markdown(HOSTILE_TRACE)
    assert "steps left out" in markdown(long)
    assert "CHECK(vcpu_state_set(boot_vcpu, VCPU_STATE_STARTING)) FAILS" in markdown(restart())


def test_log_reads_like_a_debugger() -> None:
    log = gdb_log(restart())
    assert log.startswith("[Switching to CPU 0]\n")
    assert "Watchpoint: vm 0x8001 state\n  Old value = RUNNING\n  New value = ABORTING\n" in log
    assert "=> PANIC at src/arch/aarch64/plat/psci/spmc.c:151" in log


def test_terminal_view_prints_markup_as_it_is() -> None:
    trace = replace(HOSTILE_TRACE, title="[bold]not bold[/bold]")
    console = Console(width=120, record=True, markup=False)
    with console.capture() as capture:
        console.print(render(trace, View()))
    assert "[bold]not bold[/bold]" in capture.get()
    assert "T02 breaks after step 4, for SP 0x8001" in capture.get()


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("vm 0x8001 state", ["NULL", "ABORTING"]),
        ("vm 32769 state == ABORTING or cpu 0 is_on", ["true", "true"]),
        ("not (vm 0x8001 state != NULL)", ["true", "false"]),
        ("cpu 0 current == vcpu 0x8001.0", ["false", "false"]),
        ("vcpu 0x8001.0 cpu == cpu 0", ["false", "true"]),
    ],
)
def test_watch_expressions(text: str, values: list[str]) -> None:
    trace = restart()
    watch = compile_watch(trace.layout, text)
    assert [watch.value(trace.states[0]), watch.value(trace.states[-1])] == values


@pytest.mark.parametrize(
    "text",
    [
        "",
        "vm",
        "vm 0x8001",
        "vm 0x8009 state",
        "vm 0x8001 state ==",
        "vm 0x8001 state == RUNING",
        "vm 0x8001 state state",
        "(vm 0x8001 state",
        "vm 0x8001 state and cpu 0 is_on",
        "__import__('os')",
        "NULL == NULL",
        "x" * 501,
        "not " * 120,
    ],
)
def test_watch_expression_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(WatchError):
        compile_watch(restart().layout, text)
