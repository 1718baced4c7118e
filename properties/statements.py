"""How properties are put together: "whenever ..., then ...", for states and for steps; refinements; edges."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypedDict, Unpack

from model.machine import Outcome
from model.values import World
from properties.language import Kind, Property, StatePredicate, StepLabel, StepPredicate, always_true
from properties.scopes import Scope

BOTH_WORLDS = (World.SPMC, World.HYPERVISOR)


class Options(TypedDict, total=False):
    """What a property may say besides its statement (see Property)."""

    worlds: tuple[World, ...]
    assuming: tuple[str, ...]
    refines: str
    causes: bool
    in_operations: bool


def always(
    identifier: str,
    title: str,
    text: str,
    *,
    over: Scope,
    then: StatePredicate,
    when: StatePredicate = always_true,
    sources: tuple[str, ...],
    **options: Unpack[Options],
) -> Property:
    """In every state: whenever `when`, then `then`."""

    def holds(*arguments: Any) -> bool:
        return not when(*arguments) or bool(then(*arguments))

    return Property(identifier, title, text, Kind.ALWAYS, over, holds, when, sources, **options)


def step(
    identifier: str,
    title: str,
    text: str,
    *,
    over: Scope,
    then: StepPredicate,
    when: StepPredicate = always_true,
    sources: tuple[str, ...],
    **options: Unpack[Options],
) -> Property:
    """In every step that leaves the system running: whenever `when`, then `then`."""

    def applies(label: StepLabel, *arguments: Any) -> bool:
        goes_on = label.outcome in (Outcome.RETURN, Outcome.SUSPENDED)
        return goes_on and bool(when(label, *arguments))

    def holds(*arguments: Any) -> bool:
        return not applies(*arguments) or bool(then(*arguments))

    return Property(identifier, title, text, Kind.STEP, over, holds, applies, sources, **options)


def never(
    identifier: str,
    title: str,
    text: str,
    *,
    over: Scope,
    happens: StepPredicate,
    when: StepPredicate = always_true,
    sources: tuple[str, ...],
    **options: Unpack[Options],
) -> Property:
    """No step in which `when`, not even one that ends the execution, is such that `happens`."""

    def holds(*arguments: Any) -> bool:
        return not when(*arguments) or not happens(*arguments)

    return Property(identifier, title, text, Kind.STEP, over, holds, when, sources, **options)


def recoverable(
    identifier: str,
    title: str,
    text: str,
    *,
    over: Scope,
    when: StatePredicate,
    can_become: StatePredicate,
    sources: tuple[str, ...],
    **options: Unpack[Options],
) -> Property:
    """From every state in which `when`, one in which `can_become` can be reached."""
    return Property(identifier, title, text, Kind.RECOVERABLE, over, can_become, when, sources, **options)


def sometimes(
    identifier: str,
    title: str,
    text: str,
    *,
    over: Scope,
    happens: StepPredicate,
    sources: tuple[str, ...],
    **options: Unpack[Options],
) -> Property:
    """Some step that leaves the system running is such that `happens`."""

    def holds(label: StepLabel, *arguments: Any) -> bool:
        return not label.outcome.is_failure and bool(happens(label, *arguments))

    return Property(identifier, title, text, Kind.SOMETIMES, over, holds, holds, sources, **options)


def refinement(
    base: Property,
    identifier: str,
    title: str,
    text: str,
    *,
    over: Scope | None = None,
    where: StatePredicate | StepPredicate = always_true,
    assuming: tuple[str, ...] | None = None,
    worlds: tuple[World, ...] | None = None,
) -> Property:
    """The same statement for fewer objects, in fewer situations, or in a narrower environment."""

    def antecedent(*arguments: Any) -> bool:
        return base.antecedent(*arguments) and bool(where(*arguments))

    def holds(*arguments: Any) -> bool:
        return base.holds(*arguments) or not where(*arguments)

    return replace(
        base,
        id=identifier,
        title=title,
        text=text,
        over=over or base.over,
        holds=holds,
        antecedent=antecedent,
        assuming=base.assuming if assuming is None else assuming,
        worlds=worlds or base.worlds,
        refines=base.id,
    )
