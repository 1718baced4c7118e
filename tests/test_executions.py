"""Executions that violate a property: the simplest of the shortest, and those of other causes."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from model.topology import BUILT_IN
from proofs import executions
from proofs.commands.app import main
from proofs.configurations import Configuration
from proofs.engines.simplest import kind_of
from proofs.executions import different_causes, shortest_execution
from proofs.traces.trace import Trace

Output = tuple[int, str, str]


@pytest.fixture
def lifecycle(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Output]:
    """Runs `lifecycle` in this process: exit code, standard output, standard error."""

    def call(*arguments: str) -> Output:
        monkeypatch.setattr(sys, "argv", ["lifecycle", *arguments])
        with pytest.raises(SystemExit) as exit_request:
            main()
        output = capsys.readouterr()
        assert isinstance(exit_request.value.code, int)
        return exit_request.value.code, output.out, output.err

    return call


def calls(trace: Trace) -> list[str]:
    """The operations of a trace, without the switches between them."""
    return [step.action.operation for step in trace.steps if step.action.operation != "api_regs_state_saved"]


def test_the_simplest_execution_is_shown() -> None:
    """The normal world's FFA_ERROR panics; that an SP has failed by FFA_ERROR as well adds no other operation."""
    trace = shortest_execution("P13", "2x1-up", "", 5)
    assert calls(trace) == ["load_vms", "plat_psci_cpu_resume", "ffa_cpu_cycles_error_32", "ffa_cpu_cycles_error_32"]


def test_a_length_that_is_not_the_shortest_is_refused() -> None:
    with pytest.raises(LookupError, match="P13 on 2x1-up has no violation of 4 steps"):
        shortest_execution("P13", "2x1-up", "", 4)


def test_executions_with_different_causes_are_shown() -> None:
    """The registers of the vCPU that is left are not saved yet, after FFA_YIELD or after a direct response."""
    first, second = different_causes("P21", "1x2", "", 7, 2).traces
    assert first.steps[-1].action.operation == "api_yield"
    assert second.steps[-1].action.operation == "api_ffa_msg_send_direct_resp"
    assert [step.action for step in first.steps] == [
        step.action for step in shortest_execution("P21", "1x2", "", 7).steps
    ]


def test_causes_differ_in_more_than_names() -> None:
    causes = different_causes("P33", "2x1-up", "", 11, 9)
    assert "every state was searched" in causes.looked
    seen = [
        ({passage.location for passage in trace.steps[-1].path}, {kind_of(step.action) for step in trace.steps})
        for trace in causes.traces
    ]
    for number, (lines, kinds) in enumerate(seen):
        assert not any(lines == earlier and fewer <= kinds for earlier, fewer in seen[:number])


def test_it_is_said_how_far_other_causes_were_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    small = Configuration(BUILT_IN["2x1-up"], 300, 300)
    monkeypatch.setattr(executions, "configuration_of", lambda topology: small)
    causes = different_causes("P35", "2x1-up", "deadlock 0x8001.0", 3, 5)
    assert "longer executions were not searched" in causes.looked
    assert "There may be more" in different_causes("P35", "2x1-up", "deadlock 0x8001.0", 3, 1).looked


@pytest.mark.parametrize(("name", "topology", "length"), [("P38", "2x1-mp-silent", 0), ("X04", "1x2", 8)])
def test_causes_of_states_are_found(name: str, topology: str, length: int) -> None:
    """A violated initial state has one cause; a state without a way out may have several."""
    first, *others = different_causes(name, topology, "", length, 2).traces
    assert (len(first), bool(others)) == (length, length > 0)


def test_the_command_shows_other_causes(lifecycle: Callable[..., Output]) -> None:
    code, out, err = lifecycle("trace", "show", "F15", "--more", "1")
    assert (code, err) == (0, "")
    assert out.startswith("Finding F15: ")
    assert out.count("Violated, P21: ") == 2
    assert "Another cause, 1 of 1\n" in out
    assert out.endswith("There may be more causes: the search ended with these.\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("F15", "--more", "0"), "--more"),
        (("F15", "--more", "1", "--step", "2"), "leave the other options out"),
        (("F15", "--more", "1", "--format", "json"), "leave the other options out"),
        (("f15", "--more", "1"), "'f15' is not a finding, which --more needs; did you mean F15?"),
        (("F42", "--more", "1"), "F42 is about something that never happens; it has no trace"),
    ],
)
def test_more_is_about_the_traces_of_findings(
    lifecycle: Callable[..., Output], arguments: tuple[str, ...], message: str
) -> None:
    code, out, err = lifecycle("trace", "show", *arguments)
    assert (code, out) == (2, "")
    assert message in err
