"""Questions about the graph of reachable states: recovery, dead edges, the order of locks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import networkx as nx

from model.diagram import leaf_for, leaves
from model.exploration import Relation
from model.machine import Outcome
from proofs.engines.explicit import Ending, Space
from proofs.engines.predicates import FALSE, TRUE, PredicateCompiler, instances, step_label
from properties.language import Property


@dataclass(frozen=True, slots=True)
class Unrecoverable:
    """The states from which no good state can be reached any more; where the antecedent was met."""

    endings: tuple[Ending, ...]
    witnesses: dict[str, int]


def unrecoverable(item: Property, relation: Relation, space: Space) -> Unrecoverable:
    """Whether a good state can be reached from every state of a complete space that meets the antecedent.

    A state in which an operation in progress fails counts as good: its failure is another property's business.
    """
    compiler = PredicateCompiler(relation)
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(range(len(space.states)))
    graph.add_edges_from((source, target) for source, row in enumerate(space.edges) for target in row)
    backwards = graph.reverse(copy=False)
    witnesses: dict[str, int] = {}
    endings = []
    for instance in instances(item, relation):
        holds = compiler.on_states(item.holds, instance.objects)
        antecedent = compiler.on_states(item.antecedent, instance.objects)
        good = [n for n, state in enumerate(space.states) if leaf_for(holds, state) is TRUE]  # type: ignore[arg-type]
        good.extend(space.doomed)
        recovering = set(good)
        for layer in nx.bfs_layers(backwards, good) if good else ():
            recovering.update(layer)
        for number, state in enumerate(space.states):
            if leaf_for(antecedent, state) is TRUE:  # type: ignore[arg-type]
                witnesses.setdefault(item.id, space.length(Ending(number)))
                if number not in recovering:
                    endings.append(Ending(number, None, instance.objects))
    return Unrecoverable(tuple(endings), witnesses)


def nearest(space: Space, endings: Sequence[Ending]) -> list[Ending]:
    """Those of the endings that take the fewest steps."""
    length = min(map(space.length, endings))
    return [ending for ending in endings if space.length(ending) == length]


def is_dead(item: Property, relation: Relation) -> bool:
    """Whether no step of a relation, reachable or not, satisfies a property of kind SOMETIMES."""
    compiler = PredicateCompiler(relation)
    roots = [
        *((action, diagram, True) for action, diagram in relation.first),
        *((section.action, diagram, False) for section, diagram in relation.continuations),
    ]
    return all(
        compiler.on_step(item.holds, instance.objects, step_label(action, leaf, first), leaf) is FALSE
        for action, diagram, first in roots
        for leaf in leaves(diagram)
        if leaf.outcome not in (Outcome.DISABLED, Outcome.BLOCKED)
        for instance in instances(item, relation)
    )
