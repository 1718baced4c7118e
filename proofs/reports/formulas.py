"""Sets of choices in words, as formulas over readings."""

from __future__ import annotations

from model.variants import VARIANT_BY_NAME
from proofs.engines.choices import ALL, NONE, ChoiceSet, ChoiceSets, Literal, Term


def formula_text(sets: ChoiceSets, holds: ChoiceSet) -> str:
    """When something holds: a union of terms, or what it must not be, whichever is shorter."""
    if holds in (ALL, NONE):
        return "always" if holds == ALL else "never"
    wanted, unwanted = sets.terms(holds), sets.terms(-holds)
    if _size(unwanted) < _size(wanted):
        return f"unless {_union(unwanted)}"
    return f"iff {_union(wanted)}"


def _size(terms: tuple[Term, ...]) -> int:
    return sum(len(term) for term in terms)


def _union(terms: tuple[Term, ...]) -> str:
    return ", or ".join(_term(term, alone=len(terms) == 1) for term in terms)


def _term(term: Term, alone: bool) -> str:
    text = " and ".join(f"`{item.variant} = {_alternative(item)}`" for item in sorted(term))
    return text if alone or len(term) == 1 else f"({text})"


def _alternative(literal: Literal) -> str:
    variant = VARIANT_BY_NAME[literal.variant]
    return variant.other if literal.other else variant.default
