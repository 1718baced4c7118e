"""`lifecycle vectors`: agreement with recorded behaviour, planted differences, malformed input, --show and --json."""

from __future__ import annotations

import copy
import gzip
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from model.source import Location
from model.tracing import passed_lines
from proofs.commands.app import main
from proofs.commands.vectors import json_schema
from proofs.vectors.compare import VectorRunner
from proofs.vectors.format import VectorError, read_vectors

Fields = dict[str, Any]
Edit = Callable[[Fields], object]
Output = tuple[int, str, str]
Command = Callable[..., Output]

ROOT = Path(__file__).parents[1]
BEFORE = ("--variant", "revision=before")
GOLDEN = Path(os.environ.get("LIFECYCLE_GOLDEN", ROOT.parent / "shared/golden"))
REVISIONS = pytest.mark.parametrize(("suffix", "options"), [("", ()), ("-before", BEFORE)], ids=["after", "before"])
"""The folders of recorded vectors and the options for each revision."""


@pytest.fixture
def vectors(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `lifecycle vectors` in this process: exit code, standard output, standard error."""

    def call(*arguments: object) -> Output:
        monkeypatch.setattr(sys, "argv", ["lifecycle", "vectors", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_request:
            main()
        output = capsys.readouterr()
        assert isinstance(exit_request.value.code, int)
        return exit_request.value.code, output.out, output.err

    return call


def files(folder: Path | str) -> list[Path]:
    """The vectors of a folder."""
    return sorted(Path(folder).glob("*.jsonl.gz"))


def recorded(vid: str, folder: str = "vectors") -> Fields:
    """A vector of a subset."""
    name = vid.split("#")[0]
    lines = gzip.decompress((ROOT / f"tests/data/{folder}/{name}.jsonl.gz").read_bytes()).splitlines()
    return next(fields for fields in map(json.loads, lines) if fields["vid"] == vid)


CPU_OFF = recorded("spmc.cpu_off#000004")
"""The SPMD's CPU_OFF request with no SP to ask: CPU 1 goes off at once, and so do its vCPUs."""
RUN = recorded("spmc.ffa_run_nwd#021907")
HYPERVISOR = recorded("hypervisor.vcpu_state_set#000001")


def written(path: Path, *contents: Fields, edit: Edit = lambda vector: None) -> Path:
    """A file of vectors, the last one edited."""
    last = copy.deepcopy(contents[-1])
    edit(last)
    path.write_text("".join(json.dumps(vector) + "\n" for vector in (*contents[:-1], last)), encoding="utf-8")
    return path


@REVISIONS
def test_model_agrees_with_the_subset(vectors: Command, suffix: str, options: tuple[str, ...]) -> None:
    subset = files(ROOT / f"tests/data/vectors{suffix}")
    total = sum(len(gzip.decompress(path.read_bytes()).splitlines()) for path in subset)
    assert total > 1500
    assert vectors(*subset, *options) == (0, f"{total} vectors: {total} agree, 0 disagree, 0 unsupported\n", "")


@REVISIONS
@pytest.mark.skipif(not GOLDEN.is_dir(), reason="the full sets are not here (LIFECYCLE_GOLDEN)")
def test_model_agrees_with_the_full_sets(vectors: Command, suffix: str, options: tuple[str, ...]) -> None:
    code, out, _ = vectors(*files(f"{GOLDEN}{suffix}"), *options)
    assert out.endswith(" 0 disagree, 0 unsupported\n")
    assert code == 0


def test_plain_and_gzip_files_are_read_alike(vectors: Command, tmp_path: Path) -> None:
    plain = written(tmp_path / "plain.jsonl", CPU_OFF, RUN)
    packed = tmp_path / "named-otherwise"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert vectors(plain, packed) == (0, "4 vectors: 4 agree, 0 disagree, 0 unsupported\n", "")


@pytest.mark.parametrize(
    ("edit", "difference"),
    [
        (
            lambda v: v["post"]["vm"].update({"0x8001": {"state": "ABORTING"}}),
            "vm 0x8001 state: {} ABORTING, {} RUNNING",
        ),
        (lambda v: v["post"]["vcpu"].clear(), "vcpu 0x8003.1 state: {} WAITING, {} OFF"),
        (
            lambda v: v["post"]["vcpu"]["0x8003.1"].update(call_chain_next="0x8001.0"),
            "vcpu 0x8003.1 call_chain_next: {} 0x8001.0, {} null",
        ),
        (
            lambda v: v["post"]["vcpu"]["0x8003.1"].update(dir_req_origin="0x8002"),
            "vcpu 0x8003.1 dir_req_origin: {} 0x8002, {} null",
        ),
        (lambda v: v["post"]["cpu"]["1"].update(is_on=True), "cpu 1 is_on: {} true, {} false"),
        (
            lambda v: v.update(ret={"func": "FFA_ERROR", "code": "DENIED"}),
            "ret: {} FFA_ERROR(DENIED), {} FFA_MSG_SEND_DIRECT_RESP",
        ),
        (lambda v: v.update(next="0x0.1"), "next: {} 0x0.1, {} null"),
        (lambda v: v.update(delivered={"0x0.1": {"func": "FFA_RUN"}}), "delivered to 0x0.1: {} FFA_RUN, {} null"),
        (
            lambda v: v.update(outcome="panic", message="check failed (x) at src/vm.c:257"),
            "outcome: {} panic, {} return\nfailing check: {} src/vm.c:257, {} none",
        ),
    ],
)
def test_planted_change_is_reported(vectors: Command, tmp_path: Path, edit: Edit, difference: str) -> None:
    file = written(tmp_path / "changed.jsonl", CPU_OFF, CPU_OFF, edit=edit)
    code, out, _ = vectors(file)
    lines = difference.format(*("expected", "actual") * 2).splitlines()
    assert out.splitlines() == [
        *(f"{file}:2: spmc.cpu_off#000004: {line}" for line in lines),
        "2 vectors: 1 agree, 1 disagree, 0 unsupported",
    ]
    assert code == 10


def test_planted_change_before_the_patch_is_reported(vectors: Command, tmp_path: Path) -> None:
    def edit(vector: Fields) -> None:
        vector["post"]["vm"]["0x8002"] = {"state": "ABORTING", "aborting": False}
        vector["message"] = vector["message"].replace(":2975", ":2991")

    vector = recorded("spmc.direct_req#000494", "vectors-before")
    file = written(tmp_path / "v.jsonl", vector, vector, edit=edit)
    code, out, _ = vectors(file, *BEFORE)
    assert out.splitlines() == [
        f"{file}:2: {vector['vid']}: failing check: expected src/api.c:2991, actual src/api.c:2975",
        f"{file}:2: {vector['vid']}: vm 0x8002 state: expected ABORTING, actual NULL",
        f"{file}:2: {vector['vid']}: vm 0x8002 aborting: expected false, actual true",
        "2 vectors: 1 agree, 1 disagree, 0 unsupported",
    ]
    assert code == 10


def test_vector_of_the_other_revision(vectors: Command, tmp_path: Path) -> None:
    file = written(tmp_path / "v.jsonl", CPU_OFF)
    assert vectors(file, *BEFORE) == (3, "", f"lifecycle: {file}:1: pre leaves out aborting of vm 0x8001\n")


@pytest.mark.parametrize("field", ["vint_enabled_pending", "prev_priority"])
def test_abstracted_bookkeeping_is_not_compared(vectors: Command, tmp_path: Path, field: str) -> None:
    file = written(tmp_path / "v.jsonl", CPU_OFF, edit=lambda v: v["post"]["vcpu"]["0x8003.1"].update({field: 7}))
    assert vectors(file)[0] == 0


def with_interrupts(vector: Fields) -> None:
    vector["topology"]["vms"][0]["interrupts"] = list(range(32, 62))


@pytest.mark.parametrize(
    ("vector", "edit", "reason"),
    [
        (CPU_OFF, lambda v: v["pre"]["vm"]["0x8001"].update(aborting=False), "which only revision=before has"),
        (CPU_OFF, with_interrupts, "more than 6 virtual interrupts of a partition"),
        (
            HYPERVISOR,
            lambda v: v["op"].update(
                name="ffa_interrupts_handle_secure_interrupt", current="0x2.0", args={"intid": 40}
            ),
            "ffa_interrupts_handle_secure_interrupt in the hypervisor build",
        ),
    ],
)
def test_unsupported_is_not_agreement(
    vectors: Command, tmp_path: Path, vector: Fields, edit: Edit, reason: str
) -> None:
    file = written(tmp_path / "v.jsonl", CPU_OFF, vector, edit=edit)
    code, out, _ = vectors(file)
    first, last = out.splitlines()
    assert first.startswith(f"{file}:2: {vector['vid']}: unsupported: ")
    assert first.endswith(reason)
    assert last == "2 vectors: 1 agree, 0 disagree, 1 unsupported"
    assert code == 10


def op(**changes: object) -> Edit:
    """Edits the operation."""
    return lambda vector: vector["op"].update(changes)


def run(**arguments: object) -> Edit:
    """Makes the operation an FFA_RUN with these arguments."""
    return op(name="api_ffa_run", args={"vm": "0x8001", "vcpu": 0} | arguments)


def vcpu(when: str, **changes: object) -> Edit:
    """Edits a vCPU in `pre` or `post`."""
    return lambda vector: vector[when]["vcpu"]["0x8003.1"].update(changes)


def partition(index: int, **changes: object) -> Edit:
    """Edits a partition of the topology."""
    return lambda vector: vector["topology"]["vms"][index].update(changes)


@pytest.mark.parametrize(
    ("edit", "complaint"),
    [
        (lambda v: v.update(surprise=1), "Object contains unknown field `surprise`"),
        (lambda v: v.pop("post"), "Object missing required field `post`"),
        (vcpu("pre", surprise=1), "Object contains unknown field `surprise` - at `$.pre.vcpu[...]`"),
        (vcpu("pre", regs_available=1), "Expected `bool`, got `int`"),
        (vcpu("pre", state="SLEEPING"), 'vcpu 0x8003.1: state cannot be "SLEEPING"'),
        (vcpu("post", state="SLEEPING"), 'vcpu 0x8003.1: state cannot be "SLEEPING"'),
        (vcpu("pre", cpu=10**30), f"vcpu 0x8003.1: cpu cannot be {10**30}"),
        (vcpu("pre", call_chain_prev="0x8001.9"), 'vcpu 0x8003.1: call_chain_prev cannot be "0x8001.9"'),
        (vcpu("pre", dir_req_origin="8001"), "'8001' is not a VM id"),
        (vcpu("pre", vint_pending=[40, 40]), "vcpu 0x8003.1: vint_pending cannot be [40,40]"),
        (vcpu("pre", vint_pending=[10**9]), "Expected `int` <= 1023"),
        (lambda v: v["pre"]["vcpu"]["0x8003.1"].pop("state"), "pre leaves out state of vcpu 0x8003.1"),
        (lambda v: v["pre"]["vcpu"].pop("0x8003.1"), "pre leaves out vcpu 0x8003.1"),
        (lambda v: v["pre"]["vm"].update({"0x9": {"state": "NULL"}}), "the topology has no vm '0x9'"),
        (lambda v: v["pre"]["vm"]["0x8001"].update(state="ON"), 'vm 0x8001: state cannot be "ON"'),
        (lambda v: v["pre"]["cpu"]["1"].update(pmr=7), "cpu 1: pmr cannot be 7"),
        (lambda v: v["post"]["vcpu"].update({"0x8003.9": {}}), "the topology has no vcpu '0x8003.9'"),
        (lambda v: v.update(next="0x8003.9"), "the topology has no vcpu '0x8003.9'"),
        (lambda v: v.update(delivered={"elsewhere": {"func": "FFA_RUN"}}), "the topology has no vcpu 'elsewhere'"),
        (op(name="api_ffa_jump"), "there is no operation 'api_ffa_jump'"),
        (op(cpu=2), "there is no CPU 2"),
        (op(cpu=-1), "there is no CPU -1"),
        (op(current=None), "api_ffa_msg_send_direct_req needs a current vCPU"),
        (op(current="0x8001.1"), "the topology has no vcpu '0x8001.1'"),
        (op(args={}), "arguments of api_ffa_msg_send_direct_req: Object missing required field `func`"),
        (op(name="api_yield"), "arguments of api_yield: Object contains unknown field `func`"),
        (op(name="vcpu_prepare", args={"vcpu": "0x0.2"}), "the topology has no vcpu '0x0.2'"),
        (op(name="vm_set_state", args={"vm": "0x9", "to": "NULL"}), "the topology has no vm '0x9'"),
        (op(name="vm_set_state", args={"vm": "0x0", "to": "ON"}), "Invalid enum value 'ON'"),
        (run(vcpu="0x8001.0"), "arguments of api_ffa_run: Expected `int`, got `str`"),
        (run(vcpu=10**30), "arguments of api_ffa_run: Expected `int` <= 65535"),
        (run(vcpu=-1), "arguments of api_ffa_run: Expected `int` >= 0"),
        (run(vm="0x80010000"), "'0x80010000' is not a VM id"),
        (lambda v: v["topology"].update(cpus=9), "Invalid enum value 9"),
        (lambda v: v["topology"].update(vms=v["topology"]["vms"] * 99), "Expected `array` of length <= "),
        (lambda v: v["topology"]["vms"].pop(), "the topology of the spmc needs other_world 0x0"),
        (partition(1, id="0x8001"), "the topology has two VMs with the same id"),
        (partition(1, id="0x2"), "the topology of the spmc cannot have sp 0x2"),
        (partition(3, vcpus=1), "other_world 0x0 has 1 vCPUs, but there are 2 CPUs"),
        (partition(0, boot_order=9), "the topology does not list its VMs in boot order"),
    ],
)
def test_malformed_vector(vectors: Command, tmp_path: Path, edit: Edit, complaint: str) -> None:
    file = written(tmp_path / "v.jsonl", CPU_OFF, CPU_OFF, CPU_OFF, edit=edit)
    report = tmp_path / "report.json"
    report.write_text("precious", encoding="utf-8")
    code, out, err = vectors(file, "--json", report)
    assert err.startswith(f"lifecycle: {file}:3: ")
    assert complaint in err
    assert err.count("\n") == 1
    assert (code, out) == (3, "")
    assert report.read_text(encoding="utf-8") == "precious"
    assert sorted(tmp_path.iterdir()) == [report, file]


LINE = json.dumps(CPU_OFF).encode() + b"\n"


@pytest.mark.parametrize(
    ("content", "line", "complaint"),
    [
        (LINE + LINE[:100], 2, "not a vector: Input data was truncated"),
        (LINE + b"\n" + LINE, 2, "not a vector: Input data was truncated"),
        (LINE + b"not JSON\n", 2, "not a vector: JSON is malformed"),
        (LINE + b"[]\n", 2, "not a vector: Expected `object`, got `array`"),
        (LINE.replace(b"cpu_off#", b"cpu_off\xff"), 1, "not a vector: 'utf-8' codec can't decode"),
        (LINE.replace(b'"family"', b'"config": ' + b"[" * 10**5 + b', "family"'), 1, "maximum recursion depth"),
        (LINE.replace(b'"cpu": 0', b'"cpu": ' + b"9" * 10**4), 1, "not a vector: Integer value out of range"),
        (LINE + b" " * 2**21, 2, "not a vector: longer than 1048576 bytes"),
        (gzip.compress(LINE)[:-12], 1, "truncated or damaged gzip file"),
        (gzip.compress(LINE) + gzip.compress(LINE)[:-30], 2, "truncated or damaged gzip file"),
        (gzip.compress(LINE)[:-20] + bytes(20), 1, "truncated or damaged gzip file"),
        (b"", 1, "the file holds no vector"),
    ],
)
def test_malformed_file(vectors: Command, tmp_path: Path, content: bytes, line: int, complaint: str) -> None:
    file = tmp_path / "v.jsonl.gz"
    file.write_bytes(content)
    code, out, err = vectors(file)
    assert err.startswith(f"lifecycle: {file}:{line}: ")
    assert complaint in err
    assert (code, out) == (3, "")


def test_vectors_are_read_one_by_one(tmp_path: Path) -> None:
    file = tmp_path / "v.jsonl"
    file.write_bytes(LINE + b"malformed\n")
    stream = read_vectors(file)
    number, vector = next(stream)
    assert (number, vector.vid) == (1, CPU_OFF["vid"])
    with pytest.raises(VectorError, match=r"v\.jsonl:2: "):
        next(stream)


def test_wrong_usage(vectors: Command, tmp_path: Path) -> None:
    file = written(tmp_path / "v.jsonl", CPU_OFF)
    content = file.read_bytes()
    for arguments, complaint in (
        ((file, "--variant", "revision"), "known: revision=after, revision=before"),
        ((file, *BEFORE, "--variant", "revision=after"), "variant 'revision' has two alternatives, before and after"),
        ((file, "--show", "spmc.cpu_off#1"), "no vector 'spmc.cpu_off#1'"),
        ((file, "--json", file), "a file to read"),
        ((tmp_path / "missing",), "does not exist"),
        ((tmp_path,), "is a directory"),
        ((), "Missing argument"),
    ):
        code, out, err = vectors(*arguments)
        assert complaint in err
        assert (code, out) == (2, "")
    assert file.read_bytes() == content
    assert vectors(file, "--variant", "revision=after", "--variant", "revision=after")[0] == 0


def test_json_lists_every_disagreement(vectors: Command, tmp_path: Path) -> None:
    def edit(vector: Fields) -> None:
        vector.update(next="0x0.1")
        vector["post"]["cpu"]["1"].update(is_on=True)

    file = written(tmp_path / "v.jsonl", CPU_OFF, CPU_OFF, edit=edit)
    report = tmp_path / "report.json"
    assert vectors(file, "--json", report)[0] == 10
    place = {"vid": "spmc.cpu_off#000004", "file": str(file), "line": 2}
    assert json.loads(report.read_bytes()) == {
        "schema": "hafnium-lifecycle-proofs/vectors",
        "version": 1,
        "agree": 1,
        "disagree": 1,
        "unsupported": 0,
        "disagreements": [
            {**place, "field": "next", "expected": "0x0.1", "actual": "null"},
            {**place, "field": "cpu 1 is_on", "expected": "true", "actual": "false"},
        ],
    }
    published = ROOT / "docs/schemas/vectors.schema.json"
    assert published.read_bytes() == json_schema()
    jsonschema.validate(json.loads(report.read_bytes()), json.loads(published.read_bytes()))
    assert sorted(tmp_path.iterdir()) == [report, file]


def test_show_follows_the_operation_through_the_c(vectors: Command, tmp_path: Path) -> None:
    file = written(tmp_path / "v.jsonl", RUN, CPU_OFF, edit=lambda v: v.update(next="0x0.1"))
    code, out, _ = vectors(file, "--show", "spmc.cpu_off#000004")
    lines = iter(" ".join(line.split()) for line in out.splitlines())
    arguments = "func=DIRECT_REQ_32, sender=0xffff, receiver=0x8000, framework=PSCI_CPU_OFF"
    for expected in (
        "spmc.cpu_off#000004 (family cpu_off, spmc build)",
        f"CPU 1: 0x0.1 calls api_ffa_msg_send_direct_req({arguments})",
        "api_ffa_msg_send_direct_req (src/api.c)",
        "src/api.c:2912",
        "src/api.c:2913",
        "ffa_direct_msg_handle_framework_msg (src/ffa/spmc/direct_messaging.c)",
        "src/ffa/spmc/direct_messaging.c:403-404 vcpu 0x8003.1 state: WAITING -> OFF",
        "cpu_off (src/cpu.c)",
        "src/cpu.c:174 cpu 1 lock: null -> 1",
        "src/cpu.c:175 cpu 1 is_on: true -> false",
        "result recorded model",
        "outcome return return",
        "next 0x0.1 null",
        "differences recorded model",
        "next 0x0.1 null",
        "1 vectors: 0 agree, 1 disagree, 0 unsupported",
    ):
        assert expected in lines, expected
    assert code == 10


def test_show_names_the_failing_check_and_the_hidden_input(vectors: Command, tmp_path: Path) -> None:
    code, out, _ = vectors(written(tmp_path / "v.jsonl", RUN), "--show", RUN["vid"])
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "the target of FFA_RUN has an expired timer" in lines
    assert "failing check src/ffa/spmc/cpu_cycles.c:465 src/ffa/spmc/cpu_cycles.c:465" in lines
    assert lines[-2:] == ["differences: none", "1 vectors: 1 agree, 0 disagree, 0 unsupported"]
    assert code == 0


def test_tracing_marks_whole_statements_and_leaves_no_trace(tmp_path: Path) -> None:
    ((_, vector),) = read_vectors(written(tmp_path / "v.jsonl", CPU_OFF))
    runner = VectorRunner()
    before = sys.gettrace()
    differences, lines = passed_lines(lambda: runner.compare(vector))
    assert differences == []
    assert lines[:2] == [Location("src/api.c", 2912, 2912), Location("src/api.c", 2913, 2913)]
    assert (
        Location("src/ffa/spmc/direct_messaging.c", 499, 499) in lines
    )  # an `if` over three lines, marked on the last
    assert sys.gettrace() is before
