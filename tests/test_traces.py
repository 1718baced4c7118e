"""Trace files: written and read back, replayed, and refused in one sentence whatever is wrong with them."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from model.machine import Outcome
from proofs.commands.app import main
from proofs.traces import file_format
from proofs.traces.file_format import TraceFileError, encode, json_schema, read_trace_file
from proofs.traces.replay import load_trace, replay
from proofs.traces.trace import ReplayError, Trace, attribute, holds_at_the_end, record
from properties.catalogue import CATALOGUE
from properties.language import each_vm
from tests.sample_traces import ABORTING, NO_ABORT, aborting, restart

SCHEMA = Path(__file__).parent.parent / "docs" / "schemas" / "trace.schema.json"

Output = tuple[int, str, str]


@pytest.fixture
def lifecycle(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Output]:
    """Runs `lifecycle` in this process: exit code, standard output, standard error."""
    monkeypatch.setitem(CATALOGUE, ABORTING.id, ABORTING)

    def call(*arguments: object) -> Output:
        monkeypatch.setattr(sys, "argv", ["lifecycle", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_request:
            main()
        output = capsys.readouterr()
        assert isinstance(exit_request.value.code, int)
        return exit_request.value.code, output.out, output.err

    return call


def saved(folder: Path, trace: Trace, **changes: Any) -> Path:
    """A trace file, with some of its top-level fields changed."""
    file = folder / "trace.json"
    file.write_text(json.dumps(json.loads(encode(trace.to_file())) | changes))
    return file


def plain(trace: Trace) -> Any:
    """A trace file's content as plain data."""
    return json.loads(encode(trace.to_file()))


@pytest.mark.parametrize("make", [restart, aborting])
def test_trace_is_read_back_and_replayed_as_recorded(tmp_path: Path, make: Callable[[], Trace]) -> None:
    trace = make()
    contents = read_trace_file(saved(tmp_path, trace))
    assert contents == trace.to_file()
    assert replay(contents, {ABORTING.id: ABORTING}) == trace
    assert plain(trace) == trace.to_json()


def test_trace_ends_as_the_c_code_does() -> None:
    last = restart().steps[-1]
    assert last.outcome is Outcome.PANIC
    assert last.where == "src/arch/aarch64/plat/psci/spmc.c:151"
    failed = [passage for passage in last.path if passage.code.startswith("CHECK") and passage.taken is False]
    assert [str(passage.location) for passage in failed] == [last.where]
    assert "refused" not in last.where
    case = next(passage for passage in last.path if passage.code == "case VCPU_STATE_ABORTED:")
    assert case.taken
    assert case.values == ("from_state = ABORTED",)


def test_step_after_a_window_passes_only_what_follows_it() -> None:
    before, after = restart().steps[1:3]
    assert before.outcome is Outcome.SUSPENDED
    assert after.window == before.where == "W8"
    assert not set(before.lines) & set(after.lines)


def test_breach_names_the_false_part_and_the_values() -> None:
    found = aborting().breach
    assert found is not None
    assert found.reasons == ("must hold, but is false: vm->state != VM_STATE_ABORTING",)
    assert [str(read) for read in found.reads] == ["vm 0x8001 state = ABORTING"]
    for item in CATALOGUE.values():
        assert item.holds is not None


def test_violation_that_is_none_is_an_internal_error() -> None:
    trace = restart()
    (vm,) = each_vm(trace.topology)
    assert holds_at_the_end(trace, NO_ABORT, vm)
    with pytest.raises(ReplayError, match="T01 holds"):
        attribute(trace, NO_ABORT, vm)
    with pytest.raises(ReplayError, match="step 2 cannot happen"):
        record(trace.topology, trace.assume, trace.granularity, [trace.steps[0].action] * 2)


def test_schema_is_current_and_describes_trace_files() -> None:
    assert SCHEMA.read_bytes() == json_schema()
    validator = jsonschema.Draft202012Validator(json.loads(json_schema()))
    for trace in (restart(), aborting()):
        validator.validate(plain(trace))
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(plain(restart()) | {"version": 2})


def test_replay_says_so(lifecycle: Callable[..., Output], tmp_path: Path) -> None:
    code, out, err = lifecycle("trace", "replay", saved(tmp_path, aborting()))
    assert (code, err) == (0, "")
    assert "4 steps replayed by the concrete reading" in out
    assert out.endswith("violates T02 as recorded\n")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "perhaps truncated"),
        (b'{"schema": "hafnium-lifecycle-proofs/trace", "version": 1, "ste', "perhaps truncated"),
        (b"[" * 100_000, "perhaps truncated"),
        (b"\xff\xfe{}", "perhaps truncated"),
        (b'{"version": 2}', "another version"),
        (b'{"version": 1}', "not a trace file of this version"),
        (b"[]", "perhaps truncated"),
    ],
)
def test_broken_file_is_refused(
    lifecycle: Callable[..., Output], tmp_path: Path, content: bytes, complaint: str
) -> None:
    file = tmp_path / "trace.json"
    file.write_bytes(content)
    for command in ("replay", "show"):
        code, out, err = lifecycle("trace", command, file)
        assert (code, out, err.count("\n")) == (3, "", 1)
        assert complaint in err


def test_huge_and_missing_files_are_refused(lifecycle: Callable[..., Output], tmp_path: Path) -> None:
    file = tmp_path / "trace.json"
    with file.open("wb") as stream:
        stream.truncate(file_format.LARGEST_FILE + 1)
    assert "larger than 20 MB" in lifecycle("trace", "replay", file)[2]
    code, _, err = lifecycle("trace", "replay", tmp_path / "none.json")
    assert code == 3
    assert "cannot be read" in err
    code, _, err = lifecycle("trace", "show", "no-such-thing")
    assert code == 2
    assert "neither a trace file nor a finding" in err


def tampered(change: Callable[[Any], object]) -> Any:
    """The content of a trace file after a change."""
    content = plain(aborting())
    change(content)
    return content


TAMPERINGS: dict[str, tuple[Callable[[Any], object], str]] = {
    "reply": (lambda c: c["steps"][3].update(reply="FFA_SUCCESS"), "step 4, reply: recorded"),
    "change": (lambda c: c["steps"][1]["changes"][0].update(new="RUNNING"), "step 2, changes[0].new"),
    "line": (lambda c: c["steps"][0]["path"][1].update(lines="src/api.c:1"), "step 1, path[1].lines"),
    "where": (lambda c: c["steps"][1].update(where="W1"), "step 2, where"),
    "order": (lambda c: c["steps"].reverse(), "step 1, "),
    "initial state": (lambda c: c["initial"]["vm 0x8001"].update(state="RUNNING"), "initial state, vm 0x8001.state"),
    "commit": (lambda c: c.update(upstream_commit="0123456789ab"), "outdated"),
    "operation": (lambda c: c["steps"][0]["action"].update(operation="load_vm"), "meant: load_vms"),
    "argument": (lambda c: c["steps"][3]["action"].update(arguments=[7]), "step 4"),
    "actor": (lambda c: c["steps"][3]["action"].update(actor="vcpu 0x9001.0"), "step 4"),
    "cpu": (lambda c: c["steps"][0]["action"].update(cpu=7), "step 1"),
    "cpu out of range": (lambda c: c["steps"][0]["action"].update(cpu=8), "$.steps[0].action.cpu"),
    "property": (lambda c: c["property"].update(id="T99"), "unknown property 'T99'"),
    "objects": (lambda c: c["property"].update(objects=["vm 0x8002"]), "not about these objects"),
    "early": (lambda c: c["property"].update(violated_after=2), "break after step 2"),
    "shortened": (lambda c: (c["steps"].pop(), c["property"].update(violated_after=3)), "T02 holds"),
    "assumption": (lambda c: c["assumptions"].update(magic=True), "'magic' is unknown"),
    "missing assumption": (lambda c: c["assumptions"].pop("cpu_off"), "'cpu_off' is missing"),
    "variant": (lambda c: c["variant"].update(revision="sideways"), "unknown variant revision=sideways"),
    "unknown field": (lambda c: c.update(extra=1), "extra"),
    "control characters": (lambda c: c["topology"].update(description="\x1b[31m"), "$.topology.description"),
    "right-to-left": (lambda c: c["topology"].update(description="\u202egnp"), "$.topology.description"),
    "many vCPUs": (lambda c: c["topology"]["partitions"][0].update(vcpu_count=8), "number of vCPUs"),
    "kinds": (lambda c: c["topology"]["partitions"][0].update(kind="vm"), "kinds of partitions"),
    "twins": (lambda c: c["topology"]["partitions"].insert(0, c["topology"]["partitions"][0]), "used twice"),
    "no other world": (lambda c: c["topology"]["partitions"].pop(), "not the other world"),
    "world": (lambda c: c["topology"].update(world="hypervisor"), "topology"),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_tampered_or_outdated_trace_is_refused(lifecycle: Callable[..., Output], tmp_path: Path, name: str) -> None:
    change, complaint = TAMPERINGS[name]
    file = tmp_path / "trace.json"
    file.write_text(json.dumps(tampered(change)))
    code, out, err = lifecycle("trace", "replay", file)
    assert (code, out, err.count("\n")) == (3, "", 1)
    assert complaint in err


def leaves(content: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in plain data that holds a plain value: its container and its key."""
    for key in list(content) if isinstance(content, dict) else range(len(content)):
        if isinstance(content[key], dict | list):
            yield from leaves(content[key])
        else:
            yield content, key


def test_whatever_is_changed_reading_ends_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CATALOGUE, ABORTING.id, ABORTING)
    chance = random.Random(4)
    file = tmp_path / "trace.json"
    for _ in range(150):
        content = plain(aborting())
        container, key = chance.choice(list(leaves(content)))
        container[key] = chance.choice(
            [None, -1, 0, 1, 65535, 1e300, True, "", "vm 0x8001", "\x00", [], {}, "x" * 9_999]
        )
        file.write_text(json.dumps(content))
        try:
            load_trace(file)
        except TraceFileError as error:
            assert str(error).startswith(f"{file}: ")  # noqa: PT017
