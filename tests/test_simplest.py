"""The simplest of the shortest executions, compared with all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import cache

import pytest

from model.environment import DEFAULT, Action
from model.exploration import build_relation
from model.topology import BUILT_IN
from proofs.engines.explicit import Ending, ExplicitSearch
from proofs.engines.simplest import Simplest, kind_of, partitions_of
from proofs.engines.successors import State, Successors

Actions = tuple[Action, ...]


class Searched:
    """What can happen on a topology in so many steps, and the simplest ways there."""

    def __init__(self, topology: str, depth: int):
        self.topology = BUILT_IN[topology]
        self.depth = depth
        self.successors = Successors(build_relation(self.topology, DEFAULT))
        self.space = ExplicitSearch(self.successors, [], 100_000, max_depth=depth).run()
        self.numbers = {state: number for number, state in enumerate(self.space.states)}
        self.simplest = Simplest(self.space, self.topology)

    def all_executions(self) -> dict[int, list[Actions]]:
        """Every shortest execution to every state."""
        found = defaultdict(list)
        for state, actions in self._executions(self.successors.initial(), ()):
            found[state].append(actions)
        return found

    def _executions(self, state: State, actions: Actions) -> Iterator[tuple[int, Actions]]:
        yield self.numbers[state], actions
        if len(actions) == self.depth:
            return
        for choice, leaf in self.successors.steps(state):
            after = self.successors.after(state, leaf)
            followed = not leaf.outcome.is_failure and after in self.numbers
            if followed and self.space.length(Ending(self.numbers[after])) == len(actions) + 1:
                yield from self._executions(after, (*actions, choice.action))

    def best(self, *states: int) -> Actions:
        """The simplest execution to one of these states."""
        steps = self.simplest.steps(self.simplest.best([Ending(state) for state in states]))
        return tuple(step.choice.action for step in steps)

    def cost(self, actions: Actions) -> tuple[int, ...]:
        """CPUs, partitions, kinds of operations, different inputs."""
        return (
            len({action.cpu for action in actions}),
            len({partition for action in actions for partition in partitions_of(action, self.topology)}),
            len({kind_of(action) for action in actions}),
            len({(action.operation, action.arguments) for action in actions}),
        )


@cache
def searched_to(topology: str, depth: int) -> Searched:
    """A topology, searched once for all tests."""
    return Searched(topology, depth)


@pytest.mark.parametrize(("topology", "depth"), [("2x1-up", 13), ("2x2", 9), ("hypervisor-2x1", 8)])
def test_no_shortest_execution_is_simpler(topology: str, depth: int) -> None:
    searched = searched_to(topology, depth)
    executions = searched.all_executions()
    assert len(executions) == len(searched.space.states)
    for state, known in executions.items():
        best = searched.best(state)
        assert best in known
        assert searched.cost(best) == min(map(searched.cost, known))
    if topology != "hypervisor-2x1":
        assert any(len(set(map(searched.cost, known))) > 1 for known in executions.values()), "there is a choice"


def test_of_several_ends_the_one_that_needs_fewest_cpus_is_chosen() -> None:
    searched = searched_to("2x2", 9)
    ends = [state for state in range(len(searched.space.states)) if searched.space.length(Ending(state)) == 9]
    assert {searched.cost(searched.best(state))[0] for state in ends} == {1, 2}
    assert searched.cost(searched.best(*ends))[0] == 1


def test_the_choice_is_always_the_same() -> None:
    ends = range(100, 300)
    assert Searched("2x1-mp", 10).best(*ends) == Searched("2x1-mp", 10).best(*ends)
