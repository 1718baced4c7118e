"""Two copies of a system that share their stimuli: what tells them apart, and by which shortest execution.

The copies differ in the alternatives of variants.  They are told apart by what can be observed from outside: the
reply, what is delivered to whom, who runs next, and whether the SPMC stops.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from model.diagram import Copy, Leaf, leaf_for
from model.environment import Action
from model.exploration import Relation
from model.machine import Outcome
from model.values import DirectMessage, FfaValue
from model.variables import Key, Value, Variable
from proofs.engines.successors import Choice, State, Successors


@dataclass(frozen=True, slots=True)
class Observed:
    """What can be observed of one step.  `runs` is who executes on the CPU afterwards, None: it is off.

    `outcome` is BLOCKED or DISABLED where the stimulus cannot be given, RETURN where the operation ends as it should.
    """

    outcome: Outcome
    reply: FfaValue | None
    delivered: tuple[tuple[Key, FfaValue], ...]
    runs: Value


@dataclass(frozen=True, slots=True)
class Difference:
    """A last step after which two copies, alike to an observer until then, are so no longer."""

    actions: tuple[Action, ...]
    left: Observed
    right: Observed

    @property
    def action(self) -> Action:
        """The stimulus that tells the copies apart."""
        return self.actions[-1]


@dataclass(slots=True)
class Pairs:
    """What a search of pairs found: its differences, shortest first, one of each kind, and whether it saw all pairs."""

    complete: bool = False
    depth: int = 0
    count: int = 0
    differences: list[Difference] = field(default_factory=list)
    misaligned: tuple[Action, ...] | None = None
    """The shortest execution after which the copies' states are not related as they should be."""


Kind = tuple[str, tuple[object, ...]]
"""What two differences have in common that are of one kind: the operation, and what each copy shows of it."""


def kind_of(difference: Difference) -> Kind:
    """The kind of a difference, its objects named by their roles."""
    action = difference.action
    return action.operation, tuple(
        (side.outcome, side.reply, role(action, side.runs)) for side in (difference.left, difference.right)
    )


def role(action: Action, runs: Value) -> str:
    """Who runs after an action, as seen from it."""
    if runs is None:
        return "nobody"
    if runs == action.actor:
        return "the caller"
    if isinstance(runs, Key) and runs.first == 0:
        return "the normal world"
    return "the target" if runs in action.arguments or _is_addressed(action, runs) else "another SP"


def _is_addressed(action: Action, runs: Value) -> bool:
    """Whether an action names the partition of a vCPU as its target."""
    match action.operation, action.arguments:
        case "api_ffa_run", (target, *_):
            return isinstance(runs, Key) and runs.first == target
        case _, (DirectMessage(receiver=receiver), *_):
            return isinstance(runs, Key) and runs.first == receiver
    return False


class PairSearch:
    """Breadth-first search of two copies of a relation, at handler granularity."""

    def __init__(self, relation: Relation, left: Sequence[str], right: Sequence[str], max_pairs: int):
        """`left` and `right` are the free variants that take the other alternative in each copy."""
        self._relation = relation
        self._successors = Successors(relation)
        self._starts = self._start(left), self._start(right)
        self._max_pairs = max_pairs
        self._current = {key.first: relation.layout.by_name[key, "current"] for key in relation.layout.cpu_keys}
        self.pairs = Pairs()

    def run(
        self,
        first_only: bool = False,
        max_depth: int | None = None,
        aligned: Callable[[State, State], bool] = lambda left, right: True,
    ) -> Pairs:
        """Search until every pair was seen, or `max_pairs`, or `max_depth` steps.

        `first_only` stops at the first difference; `aligned` is to hold of every pair.
        """
        found = self.pairs
        number = {self._starts: 0}
        order = [self._starts]
        parents = array("q", [-1])
        arrivals: list[Action | None] = [None]
        kinds: set[Kind] = set()
        current, level_end = 0, 1
        while current < len(order) <= self._max_pairs and not (first_only and found.differences):
            if current == level_end:
                found.depth += 1
                level_end = len(order)
            if found.depth == max_depth:
                break
            left, right = order[current]
            if found.misaligned is None and not aligned(left, right):
                found.misaligned = _execution(current, parents, arrivals)
            for action, left_leaf, right_leaf in self._steps(left, right):
                seen = self._observed(left, left_leaf, action), self._observed(right, right_leaf, action)
                if seen[0] != seen[1]:
                    actions = (*_execution(current, parents, arrivals), action)
                    difference = Difference(actions, *seen)
                    if kind_of(difference) not in kinds:
                        kinds.add(kind_of(difference))
                        found.differences.append(difference)
                elif seen[0].outcome is Outcome.RETURN:
                    pair = self._successors.after(left, left_leaf), self._successors.after(right, right_leaf)
                    if pair not in number:
                        number[pair] = len(order)
                        order.append(pair)
                        parents.append(current)
                        arrivals.append(action)
            current += 1
        found.complete = current == len(order)
        found.count = len(order)
        return found

    def _start(self, others: Sequence[str]) -> State:
        """The initial state of a copy."""
        layout = self._relation.layout
        state = list(layout.initial())
        for variable in layout.variables[layout.first_variant :]:
            state[variable.index] = int(variable.field in others)
        return bytes(state)

    def _steps(self, left: State, right: State) -> Iterator[tuple[Action, Leaf, Leaf]]:
        """Every stimulus that can be given to one of the copies at least; to both, if nobody gives it (boot)."""
        for choice in self._successors.choices(left):
            leaves = self._leaf(choice, left), self._leaf(choice, right)
            impossible = [leaf.outcome in (Outcome.DISABLED, Outcome.BLOCKED) for leaf in leaves]
            if not all(impossible) and (choice.action.actor is not None or not any(impossible)):
                yield choice.action, *leaves

    def _leaf(self, choice: Choice, state: State) -> Leaf:
        return leaf_for(choice.diagram, state)  # type: ignore[arg-type]

    def _observed(self, state: State, leaf: Leaf, action: Action) -> Observed:
        return observed(state, leaf, self._current[action.cpu])


def observed(state: State, leaf: Leaf, current: Variable) -> Observed:
    """What can be observed of the step from a state that ends in a leaf; `current` is who runs on its CPU."""
    if leaf.outcome is not Outcome.RETURN:
        return Observed(leaf.outcome, None, (), None)
    written = dict(leaf.writes).get(current.index, state[current.index])
    position = state[written.variable] if isinstance(written, Copy) else written
    return Observed(leaf.outcome, leaf.reply, leaf.delivered, current.domain[position])


def _execution(pair: int, parents: Sequence[int], arrivals: Sequence[Action | None]) -> tuple[Action, ...]:
    """The actions that first led to a pair."""
    actions = []
    while (action := arrivals[pair]) is not None:
        actions.append(action)
        pair = parents[pair]
    return tuple(reversed(actions))
