"""What properties depend on: exact sets of choices, and formulas for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from model.variants import VARIANT_BY_NAME, Variants
from proofs.engines.choices import ALL, NONE, ChoiceSet, ChoiceSets, Literal
from proofs.reports.settings import Dependence, Setting
from proofs.reports.violations import Violated
from properties.catalogue import CATALOGUE
from properties.language import Property


@dataclass(frozen=True, slots=True)
class Formula:
    """The choices under which a property holds in all settings that it was decided in, in the sets of a `Formulas`."""

    item: Property
    settings: tuple[Setting, ...]
    holds: ChoiceSet

    @property
    def id(self) -> str:
        """The property's id."""
        return self.item.id


@dataclass(frozen=True, slots=True)
class Condition:
    """A property holds exactly if one of the terms does, or, negated, exactly if none does; literals hold together."""

    negated: bool
    terms: tuple[tuple[Literal, ...], ...]


class Formulas:
    """What each property depends on, over all settings that were searched completely."""

    def __init__(self, free: Sequence[str], dependences: Sequence[Dependence]):
        self.sets = ChoiceSets(free)
        self._decided = decided = [one for one in dependences if one.complete]
        applying = {one.setting: {item.id for item in one.setting.properties()} for one in decided}
        self.formulas = tuple(
            Formula(
                item,
                tuple(one.setting for one in decided if item.id in applying[one.setting]),
                -self.sets.union(term for one in decided for term in one.violated.get(item.id, ())),
            )
            for item in CATALOGUE.values()
            if any(item.id in names for names in applying.values())
        )

    def holds(self, formula: Formula, *others: str) -> bool:
        """Whether a property holds when these variants take their other alternative, and the rest the default."""
        return self.sets.contains(formula.holds, others)

    def where(self, formula: Formula, *others: str) -> Setting:
        """A setting in which a property is violated with these alternatives.  Raises LookupError if it holds."""
        for one in self._decided:
            if self.sets.contains(self.sets.union(one.violated.get(formula.id, ())), others):
                return one.setting
        raise LookupError(f"{formula.id} holds with {', '.join(others)}")

    def violations(self, prefix: str) -> tuple[Violated, ...]:
        """What each variant breaks by its other alternative alone: traces named `PREFIX-VARIANT-PROPERTY`."""
        return tuple(
            Violated(f"{prefix}-{name}-{one.id}", one.id, self.where(one, name), Variants.of({name: other}))
            for name, other in ((name, VARIANT_BY_NAME[name].other) for name in self.sets.variants)
            for one in self.broken(name)
        )

    def undecided(self) -> tuple[Formula, ...]:
        """The properties that hold under some choices only."""
        return tuple(formula for formula in self.formulas if formula.holds not in (ALL, NONE))

    def repaired(self, *others: str) -> tuple[Formula, ...]:
        """The properties that hold with these alternatives, and not without them."""
        return tuple(one for one in self.formulas if not self.holds(one) and self.holds(one, *others))

    def broken(self, *others: str) -> tuple[Formula, ...]:
        """The properties that hold without these alternatives, but not with them."""
        return tuple(one for one in self.formulas if self.holds(one) and not self.holds(one, *others))

    def condition(self, formula: Formula) -> Condition:
        """When a property holds: a union of terms, or what it must not be, whichever is shorter."""
        wanted, unwanted = self.sets.terms(formula.holds), self.sets.terms(-formula.holds)
        negated = sum(map(len, unwanted)) < sum(map(len, wanted))
        return Condition(negated, tuple(tuple(sorted(term)) for term in (unwanted if negated else wanted)))
