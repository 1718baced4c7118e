"""Explicit search: exact on small systems, shortest executions, honest about what says nothing."""

from __future__ import annotations

import pytest

from model.environment import DEFAULT
from model.exploration import Granularity, build_relation
from model.machine import Outcome
from model.topology import BUILT_IN
from proofs.engines.explicit import ExplicitSearch, Space
from proofs.engines.simplest import Simplest
from proofs.engines.successors import Successors
from proofs.traces.trace import record
from properties.catalogue import CATALOGUE

SMALL = ("1x2", "2x1-up", "2x1-mp-silent")


def space_of(topology: str, granularity: Granularity = Granularity.HANDLER, *properties: str) -> Space:
    """Everything reachable on a topology."""
    relation = build_relation(BUILT_IN[topology], DEFAULT, granularity)
    items = [CATALOGUE[name] for name in properties]
    space = ExplicitSearch(Successors(relation), items, 1_000_000).run()
    assert space.complete
    return space


@pytest.mark.parametrize(
    ("topology", "granularity", "states"),
    [
        ("1x2", Granularity.HANDLER, 11814),
        ("2x1-mp-silent", Granularity.HANDLER, 5324),
        ("2x1-up", Granularity.SECTION, 11011),
    ],
)
def test_the_number_of_reachable_states_is_known(topology: str, granularity: Granularity, states: int) -> None:
    assert len(space_of(topology, granularity).states) == states


@pytest.mark.parametrize("topology", SMALL)
def test_windows_add_failures_and_take_none_away(topology: str) -> None:
    assert set(space_of(topology).failures) <= set(space_of(topology, Granularity.SECTION).failures)


@pytest.mark.parametrize("granularity", list(Granularity))
def test_every_failure_is_replayed_by_the_concrete_reading(granularity: Granularity) -> None:
    topology = BUILT_IN["1x2"]
    space = space_of("1x2", granularity)
    simplest = Simplest(space, topology)
    for (outcome, where), endings in space.failures.items():
        steps = simplest.steps(simplest.best(endings))
        trace = record(topology, DEFAULT, granularity.value, [step.choice.action for step in steps])
        last = trace.steps[-1]
        assert (last.outcome, last.where) == (outcome, where)


def test_a_shortest_execution_is_found() -> None:
    """An SP that runs itself needs three steps: load, boot, FFA_RUN."""
    space = space_of("2x1-up")
    (ending, *_) = space.failures[Outcome.DEADLOCK, "0x8001.0"]
    assert space.length(ending) == 3
