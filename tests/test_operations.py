"""The text of the operations: what the symbolic reading needs of it, and where it says that it comes from."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from model.machine import Field, Handle
from model.source import operations
from model.tracing import OPERATIONS_FOLDER

FIELDS = {
    name for kind in Handle.__subclasses__() for name, attribute in vars(kind).items() if isinstance(attribute, Field)
}
"""The names of the state variables of handles."""

C_FILES = {
    "inc/hf/vcpu.h",
    "src/api.c",
    "src/arch/aarch64/hypervisor/handler.c",
    "src/arch/aarch64/hypervisor/psci_handler.c",
    "src/arch/aarch64/plat/psci/hypervisor.c",
    "src/arch/aarch64/plat/psci/spmc.c",
    "src/cpu.c",
    "src/ffa/hypervisor/cpu_cycles.c",
    "src/ffa/hypervisor/direct_messaging.c",
    "src/ffa/hypervisor/indirect_messaging.c",
    "src/ffa/spmc/cpu_cycles.c",
    "src/ffa/spmc/direct_messaging.c",
    "src/ffa/spmc/interrupts.c",
    "src/hf_ipi.c",
    "src/load.c",
    "src/timer_mgmt.c",
    "src/vcpu.c",
    "src/vm.c",
}
"""The C files of Hafnium that the model stands for."""


def identity_tests_of_fields(text: str) -> list[str]:
    """Where a text compares a field by identity, which a symbolic value does not support."""
    compared = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Compare))
    return [
        ast.unparse(node)
        for node in compared
        if any(isinstance(operator, ast.Is | ast.IsNot) for operator in node.ops)
        and any(isinstance(side, ast.Attribute) and side.attr in FIELDS for side in (node.left, *node.comparators))
    ]


@pytest.mark.parametrize("file", sorted(OPERATIONS_FOLDER.glob("*.py")), ids=lambda file: file.stem)
def test_no_operation_compares_a_field_by_identity(file: Path) -> None:
    assert identity_tests_of_fields(file.read_text(encoding="utf-8")) == []


def test_identity_tests_of_fields_are_found() -> None:
    assert {"state", "lock", "call_chain_prev", "current", "is_on"} <= FIELDS
    text = "a = vcpu.state is OFF\nb = None is not x.vcpu.call_chain_prev\nc = vm is None\nd = vm.partition is p"
    assert identity_tests_of_fields(text) == ["vcpu.state is OFF", "None is not x.vcpu.call_chain_prev"]


def test_operations_name_files_of_hafnium() -> None:
    assert {operation.file for operation in operations().values()} == C_FILES
