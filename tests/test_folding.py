"""What traces show of the operations is the C: switches at their default leave no trace."""

from __future__ import annotations

import ast
import re

import pytest

from model.tracing import OPERATIONS_FOLDER
from model.variants import BEFORE, DEFAULT_VARIANTS, Variants
from proofs.traces.folding import folded, model_functions
from proofs.traces.path import file_text

FILES = sorted(path.name for path in OPERATIONS_FOLDER.glob("*.py"))
ABSTRACTIONS = {"first_vcpu_with_enabled"}
"""Functions of the model that stand for state it has not (docs/model.md), whatever is chosen."""
ASKED = "m.chosen('run-waiting', 'runs', when=lambda: target.state == VcpuState.WAITING)"
ASKED_PARTLY = "m.chosen('abort-request', 'requester', partial(serves_request, current))"


def shown(file: str, variants: Variants) -> dict[str, str]:
    """What is shown of each C line that a file of model/operations stands for."""
    text = file_text(str(OPERATIONS_FOLDER / file), variants)
    assert text is not None
    return {str(statement.location): statement.code for statement in text.statements.values()}


@pytest.mark.parametrize("variants", [DEFAULT_VARIANTS, BEFORE], ids=str)
@pytest.mark.parametrize("file", FILES)
def test_no_line_of_the_c_shows_a_switch_or_a_function_of_the_model(file: str, variants: Variants) -> None:
    for place, code in shown(file, variants).items():
        words = set(re.findall(r"\w+", code)) - ABSTRACTIONS
        assert words.isdisjoint({"lambda", "chosen", "partial", "satisfies", *model_functions()}), place


@pytest.mark.parametrize(
    ("file", "place", "code"),
    [
        ("cpu_cycles.py", "src/ffa/spmc/cpu_cycles.c:309", "CHECK(vcpu_state_set(current, VCPU_STATE_WAITING))"),
        (
            "cpu_cycles.py",
            "src/ffa/spmc/cpu_cycles.c:857",
            "if (error_code == ABORTED && current->rt_model == RTM_SP_INIT)",
        ),
        ("ffa_run.py", "src/api.c:1318", "return (false, BUSY if vcpu->vm->partition->lifecycle_support else ABORTED)"),
        ("psci.py", "src/arch/aarch64/plat/psci/spmc.c:160", "if (cpu_index(cpu) == PRIMARY_CPU_INDEX)"),
        ("vm.py", "src/vm.c:1223", "if (vm_next != NULL && vm_is_up(vm_next))"),
    ],
)
def test_lines_that_ask_switches_read_like_the_c(file: str, place: str, code: str) -> None:
    assert shown(file, DEFAULT_VARIANTS)[place] == code


def test_what_is_not_at_its_default_is_shown() -> None:
    variants = Variants.of({"first-context": "any-cpu", "init-failed-state": "ABORTED"})
    assert "src/arch/aarch64/plat/psci/spmc.c:160" not in shown("psci.py", variants), "nothing remains of the condition"
    assert shown("cpu_cycles.py", variants)["src/ffa/spmc/cpu_cycles.c:309"] == "CHECK(vcpu_state_set(current, state))"


@pytest.mark.parametrize(
    ("text", "by_default", "deviating"),
    [
        (ASKED, "False", "target.state == VcpuState.WAITING"),
        (f"not {ASKED}", "True", "not target.state == VcpuState.WAITING"),
        (f"a and (b or {ASKED})", "a and b", "a and (b or target.state == VcpuState.WAITING)"),
        (f"a and not {ASKED} and b", "a and b", "a and (not target.state == VcpuState.WAITING) and b"),
        (f"a or (not a and {ASKED})", "a", "a or (not a and target.state == VcpuState.WAITING)"),
        ("m.chosen('run-waiting', 'DENIED') and a", "a", "False"),
        ("(f(a), b if m.chosen('run-waiting', 'runs') else c)", "(f(a), c)", "(f(a), b)"),
        (ASKED_PARTLY, "False", "current.rt_model == RuntimeModel.FFA_DIR_REQ"),
        ("vcpu_aborts_alone(m, vcpu)", "False", "not ffa_is_vm_id(vcpu.vm.id) and (not vm_is_up(m, vcpu.vm))"),
        ("state_of_aborted(m, vcpu)", "VcpuState.ABORTED", "VcpuState.ABORTED"),
        ("unwind_below(m, current)", "None", "None"),
    ],
)
def test_expressions_are_folded_by_what_is_chosen(text: str, by_default: str, deviating: str) -> None:
    value = ast.parse(text, mode="eval").body
    chosen = {"run-waiting": "runs", "abort-request": "requester", "sibling-abort": "vcpu"}
    assert ast.unparse(folded(value, DEFAULT_VARIANTS)) == by_default
    assert ast.unparse(folded(value, Variants.of(chosen))) == deviating
    assert ast.unparse(value) == ast.unparse(ast.parse(text)), "the text itself is not changed"


def test_a_free_variant_is_left_open() -> None:
    value = ast.parse(ASKED, mode="eval").body
    assert ast.unparse(folded(value, Variants.of({}, free=["run-waiting"]))) == ast.unparse(value)
