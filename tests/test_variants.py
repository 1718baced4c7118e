"""Variants of the model: their names, and what the revision before the patch does not do."""

from __future__ import annotations

import ast
from collections import deque
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from model.diagram import leaves
from model.environment import DEFAULT, Assumptions
from model.exploration import build_relation
from model.machine import Machine, Outcome
from model.readings import Concrete
from model.topology import BUILT_IN, Topology
from model.values import VmState
from model.variables import Layout
from model.variants import BEFORE, DEFAULT_VARIANTS, VARIANTS, Variants
from model.variants.language import Reading
from model.variants.readings import READINGS
from proofs.engines.successors import State, Successors
from properties.catalogue import CATALOGUE

ROOT: Final = Path(__file__).parents[1]


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


QUIET: Final = ("secure_interrupts", "non_secure_interrupts")
BARE: Final = (*QUIET, "sp_runs", "sp_requests", "sp_yields", "sp_errors", "nwd_error")
LATE_OWNER: Final = replace(
    BUILT_IN["2x2-mp"],
    partitions=tuple(replace(p, interrupts=(41,) * (p.id == 0x8002)) for p in BUILT_IN["2x2-mp"].partitions),
)
"""Two MP SPs; the one that boots later owns an interrupt."""

SETTINGS: Final[dict[str, tuple[Topology, tuple[str, ...]]]] = {
    "init-failed-secondary": (BUILT_IN["2x1-mp"], BARE[:-2]),
    "boot-chain": (BUILT_IN["2x2"], (*BARE, "sp_aborts")),
    "first-context": (BUILT_IN["2x2-mp"], BARE),
    "created-abort": (BUILT_IN["2x2-mp"], BARE),
    "never-on": (BUILT_IN["2x1-mp"], BARE),
    "primary-vm": (BUILT_IN["hypervisor-2x1"], ()),
    "off-over-aborted": (BUILT_IN["2x1-mp-silent"], BARE),
    "up-replug": (BUILT_IN["2x1-up"], BARE),
    "off-not-waiting": (BUILT_IN["2x1-mp"], BARE),
    "off-refused": (BUILT_IN["2x1-mp"], BARE),
    "abort-in-cpu-off": (BUILT_IN["2x1-mp"], BARE),
    "off-target": (BUILT_IN["2x2-mp"], ()),
    "off-target-nwd": (BUILT_IN["2x2-mp"], BARE),
    "off-target-request": (BUILT_IN["2x2-mp"], ("sp_runs", "nwd_error")),
    "pinned-index": (BUILT_IN["2x2"], BARE[:2] + BARE[3:]),
    "chain-elsewhere": (BUILT_IN["2x2"], BARE[:3] + BARE[4:]),
    "migrate-serving": (BUILT_IN["2x1-up"], QUIET),
    "interrupt-not-started": (LATE_OWNER, ()),
    "sibling-abort": (BUILT_IN["2x1-mp"], BARE),
    "sibling-when": (BUILT_IN["2x1-mp"], BARE),
}
"""On which topology, and without which behaviours, a reading is told apart; by default on 1x2, with all."""


@cache
def functions() -> tuple[tuple[str, str], ...]:
    """Name and text of every function that can ask for a variant."""
    return tuple(
        (node.name, ast.unparse(node))
        for path in (*(ROOT / "model/operations").glob("*.py"), ROOT / "model/system.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    )


@cache
def successors(topology: Topology, assume: Assumptions, variants: Variants) -> Successors:
    """The steps under a choice of variants."""
    return Successors(build_relation(topology, assume, variants=variants))


def shown(machine: Successors, state: State) -> dict[str, tuple[object, ...]]:
    """What each step from a state shows and writes."""
    return {
        str(choice): (leaf.outcome, leaf.where, leaf.reply, leaf.delivered, leaf.writes)
        for choice, leaf in machine.steps(state)
    }


def are_told_apart(one: Successors, other: Successors, most_states: int) -> bool:
    """Whether some state that both reach has steps that differ; the first `most_states` are searched."""
    seen = {one.initial()}
    waiting = deque(seen)
    while waiting and len(seen) < most_states:
        state = waiting.popleft()
        if shown(one, state) != shown(other, state):
            return True
        for _, leaf in one.steps(state):
            after = one.after(state, leaf)
            if leaf.outcome is Outcome.RETURN and after not in seen:
                seen.add(after)
                waiting.append(after)
    return False


@pytest.mark.parametrize("reading", [reading for reading in READINGS if reading.places], ids=lambda r: r.name)
def test_reading_makes_a_difference_that_is_reached(reading: Reading) -> None:
    topology, excluded = SETTINGS.get(reading.name, (BUILT_IN["1x2"], ()))
    assume = replace(DEFAULT, **dict.fromkeys(reading.assumes, True)).without(*excluded)
    default = successors(topology, assume, DEFAULT_VARIANTS)
    other = successors(topology, assume, Variants.of({reading.name: reading.other}))
    assert are_told_apart(default, other, 20_000)


@pytest.mark.parametrize("reading", READINGS, ids=lambda r: r.name)
def test_reading_says_where_it_decides(reading: Reading) -> None:
    """Each of its places asks for it, and nothing else does; a reading of words names properties instead."""
    assert {name for name, text in functions() if f"'{reading.name}'" in text} == set(reading.places)
    assert bool(reading.places) != bool(reading.properties)
    assert all(alternative in reading.alternatives for alternative, _ in reading.properties)
    assert all(property_id in CATALOGUE for _, property_id in reading.properties)
    assert all(not getattr(DEFAULT, name) for name in reading.assumes)


def test_free_readings_do_not_multiply_paths() -> None:
    """A relation with every reading free has a few times the leaves of one without, not the product."""
    free = Variants.of({}, free=[reading.name for reading in READINGS if reading.places])
    sizes = [
        sum(len(list(leaves(diagram))) for _, diagram in build_relation(BUILT_IN["1x2"], DEFAULT, variants=v).first)
        for v in (DEFAULT_VARIANTS, free)
    ]
    assert sizes[0] < sizes[1] < 3 * sizes[0]
