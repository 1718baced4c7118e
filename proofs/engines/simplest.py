"""The simplest of the shortest executions: fewest CPUs, then partitions, kinds of operations, different inputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from model.diagram import leaf_for
from model.environment import Action
from model.topology import Topology
from model.values import DirectMessage
from model.variables import Key
from proofs.engines.explicit import Ending, Space, Step
from proofs.engines.successors import Choice

Cost = tuple[int, ...]
"""How many CPUs act, how many partitions act or are addressed, of how many kinds and with how many inputs."""


def kind_of(action: Action) -> tuple[str, ...]:
    """The kind of an operation: its function and, of a direct message, which one it is."""
    messages = [argument for argument in action.arguments if isinstance(argument, DirectMessage)]
    return (action.operation, *(f"{message.func.value} {message.framework}" for message in messages))


def partitions_of(action: Action, topology: Topology) -> frozenset[int]:
    """The ids of the partitions that an action is about: who acts, who is addressed, who owns the interrupt."""
    about = set() if action.actor is None else {action.actor.first}
    for argument in action.arguments:
        match argument:
            case DirectMessage():
                about |= {argument.sender, argument.receiver}
            case Key():
                about.add(argument.first)
    match action.operation, action.arguments:
        case "api_ffa_run", (int(target), *_):
            about.add(target)
        case "ffa_interrupts_handle_secure_interrupt", (int(intid),):
            about |= {partition.id for partition in topology.partitions if intid in partition.interrupts}
    return frozenset(about & {partition.id for partition in topology.partitions})


class Ingredients:
    """What executions consist of, as bit masks: the mask of an execution is the union of those of its actions."""

    def __init__(self, topology: Topology):
        self._topology = topology
        self._bits: dict[object, int] = {}
        self._aspects = [0, 0, 0, 0]
        self._masks: dict[Action, int] = {}

    def mask(self, action: Action) -> int:
        """The ingredients of an action."""
        found = self._masks.get(action)
        if found is None:
            found = self._masks[action] = self._mask(action)
        return found

    def cost(self, mask: int) -> Cost:
        """How simple an execution is."""
        return tuple((mask & aspect).bit_count() for aspect in self._aspects)

    def kinds(self, mask: int) -> int:
        """Of the ingredients, the kinds of operations."""
        return mask & self._aspects[2]

    def _mask(self, action: Action) -> int:
        parts: tuple[Iterable[object], ...] = (
            [action.cpu],
            partitions_of(action, self._topology),
            [kind_of(action)],
            [(action.operation, action.arguments)],
        )
        mask = 0
        for aspect, items in enumerate(parts):
            for item in items:
                bit = 1 << self._bits.setdefault((aspect, item), len(self._bits))
                self._aspects[aspect] |= bit
                mask |= bit
        return mask


@dataclass(frozen=True, slots=True)
class Way:
    """A shortest execution: its ingredients, and its last step, taken after one of the ways to a state.

    `objects` are those that its ending concerns.
    """

    ingredients: int
    source: int = -1
    way: int = 0
    choice: Choice | None = None
    objects: tuple[Key, ...] = ()


class Simplest:
    """The simplest of the shortest executions in a space.

    Of two ways to a state, one that has all the ingredients of the other is dropped: whatever follows, it is not
    simpler. What is left are a few ways to each state, and among them, for any ending, the simplest.
    """

    def __init__(self, space: Space, topology: Topology):
        self._space = space
        self._ways: dict[int, list[Way]] = {0: [Way(0)]}
        self.ingredients = Ingredients(topology)

    def best(self, endings: Iterable[Ending]) -> Way:
        """The simplest of the shortest executions with one of these endings, which have the same length."""
        return min((way for ending in endings for way in self.ways(ending)), key=self.cost)

    def cost(self, way: Way) -> Cost:
        """How simple an execution is."""
        return self.ingredients.cost(way.ingredients)

    def ways(self, ending: Ending) -> Iterator[Way]:
        """The shortest executions with an ending that are the simplest in some respect, the simplest first."""
        for needed in self._unknown(ending.state):
            self._ways[needed] = self._simplest_ways(needed)
        for number, way in enumerate(self._ways[ending.state]):
            if ending.choice is None:
                yield replace(way, objects=ending.objects)
            else:
                ingredients = way.ingredients | self.ingredients.mask(ending.choice.action)
                yield Way(ingredients, ending.state, number, ending.choice, ending.objects)

    def steps(self, way: Way) -> tuple[Step, ...]:
        """The steps of an execution."""
        steps = []
        while way.choice is not None:
            state = self._space.states[way.source]
            steps.append(Step(way.choice, leaf_for(way.choice.diagram, state)))  # type: ignore[arg-type]
            way = self._ways[way.source][way.way]
        return tuple(reversed(steps))

    def _unknown(self, state: int) -> list[int]:
        """The states on shortest executions to a state whose ways are not known yet, nearest first."""
        found: set[int] = set()
        stack = [state]
        while stack:
            state = stack.pop()
            if state not in self._ways and state not in found:
                found.add(state)
                stack += [source for source, _ in self._space.arrivals.of(state)]
        return sorted(found)

    def _simplest_ways(self, state: int) -> list[Way]:
        """The ways to a state, without those that have all the ingredients of another one."""
        candidates: dict[int, Way] = {}
        for source, choice in self._space.arrivals.of(state):
            added = self.ingredients.mask(choice.action)
            for number, way in enumerate(self._ways[source]):
                ingredients = way.ingredients | added
                candidates.setdefault(ingredients, Way(ingredients, source, number, choice))
        kept: list[Way] = []
        for way in sorted(candidates.values(), key=self.cost):
            if not any(simpler.ingredients | way.ingredients == way.ingredients for simpler in kept):
                kept.append(way)
        return kept
