"""A relation with a bug in it, for engines to find."""

from __future__ import annotations

from dataclasses import replace

from model.diagram import Diagram, Leaf, Node
from model.exploration import Relation
from model.values import VmState
from model.variables import vm_key


def with_a_lifted_abort(relation: Relation) -> Relation:
    """The relation with a bug: what makes the VM ABORTING makes it NULL instead."""
    state = relation.layout.by_name[vm_key(0x8001), "state"]
    aborting, null = state.domain.index(VmState.ABORTING), state.domain.index(VmState.NULL)
    done: dict[int, Diagram] = {}

    def changed(diagram: Diagram) -> Diagram:
        if id(diagram) not in done:
            if isinstance(diagram, Node):
                high, low = changed(diagram.high), changed(diagram.low)
                done[id(diagram)] = relation.diagrams.node(diagram.variable, diagram.mask, high, low)
            else:
                done[id(diagram)] = _with(diagram, (state.index, aborting), (state.index, null))
        return done[id(diagram)]

    return replace(
        relation,
        first=[(action, changed(diagram)) for action, diagram in relation.first],
        continuations=[(section, changed(diagram)) for section, diagram in relation.continuations],
    )


def with_an_abort_lifted_by(relation: Relation, variant: str) -> Relation:
    """The relation with that bug under the other alternative of a free variant only, at handler granularity."""
    wrong = dict(with_a_lifted_abort(relation).first)
    (choice,) = (variable for variable in relation.layout.variables if variable.field == variant)
    node = relation.diagrams.node
    return replace(relation, first=[(act, node(choice.index, 2, wrong[act], right)) for act, right in relation.first])


def _with(leaf: Leaf, old: tuple[int, int], new: tuple[int, int]) -> Leaf:
    return replace(leaf, writes=tuple(new if write == old else write for write in leaf.writes))
