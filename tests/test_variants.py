"""Variants of the model: their names, and what the revision before the patch does not do."""

from __future__ import annotations

import pytest

from model.environment import DEFAULT
from model.exploration import build_relation
from model.machine import Machine
from model.readings import Concrete
from model.topology import BUILT_IN
from model.values import VmState
from model.variables import Layout
from model.variants import BEFORE, DEFAULT_VARIANTS, VARIANTS, Variants


def test_every_variant_is_what_it_says() -> None:
    assert len({variant.name for variant in VARIANTS}) == len(VARIANTS)
    for variant in VARIANTS:
        assert variant.default in variant.alternatives
        assert DEFAULT_VARIANTS[variant.name] == variant.default


def test_choosing_defaults_is_choosing_nothing() -> None:
    assert Variants.of({"revision": "after"}) == DEFAULT_VARIANTS
    assert (str(DEFAULT_VARIANTS), str(BEFORE)) == ("default", "revision=before")


@pytest.mark.parametrize("chosen", [{"revision": "between"}, {"revisions": "after"}])
def test_unknown_names_are_refused(chosen: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="="):
        Variants.of(chosen)


def test_operations_cannot_ask_for_what_does_not_exist() -> None:
    machine: Machine = Concrete(Layout(BUILT_IN["1x2"], variants=BEFORE))
    assert machine.chosen("H03", "before")
    assert not machine.chosen("H03", "after")
    with pytest.raises(KeyError):
        machine.chosen("H03", "befor")


def test_before_the_patch_no_operation_writes_a_vm_state() -> None:
    relation = build_relation(BUILT_IN["1x2"], DEFAULT, variants=BEFORE)
    for variable in relation.layout.variables:
        if variable.owner.kind == "vm" and variable.field != "lock":
            possible = {value for i, value in enumerate(variable.domain) if relation.known[variable.index] >> i & 1}
            assert possible == ({VmState.NULL} if variable.field == "state" else {False, True})
