"""Variants: named switches over the model, for revisions of the C, readings of ambiguous rules, and proposed fixes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Variant:
    """One switch: its alternatives, which of them is the default, what it is about, and where that is written."""

    name: str
    alternatives: tuple[str, ...]
    default: str
    source: str
    text: str


VARIANTS: Final = (
    Variant(
        "revision",
        ("after", "before"),
        "after",
        "upstream commit e624cb1172df and its parent",
        "Hafnium after the patch, or before it: then no operation writes a VM's state, and a VM has a flag `aborting`.",
    ),
)
VARIANT_BY_NAME: Final = {variant.name: variant for variant in VARIANTS}


@dataclass(frozen=True, slots=True)
class Variants:
    """What is chosen of every variant: the default, but for `deviations`."""

    deviations: frozenset[tuple[str, str]] = frozenset()

    @classmethod
    def of(cls, chosen: Mapping[str, str]) -> Variants:
        """The named alternatives, and the defaults of the other variants.  Raises ValueError for unknown names."""
        for name, alternative in chosen.items():
            if name not in VARIANT_BY_NAME or alternative not in VARIANT_BY_NAME[name].alternatives:
                raise ValueError(f"{name}={alternative}")
        return cls(frozenset((name, value) for name, value in chosen.items() if value != VARIANT_BY_NAME[name].default))

    def __getitem__(self, name: str) -> str:
        return dict(self.deviations).get(name, VARIANT_BY_NAME[name].default)

    def __str__(self) -> str:
        return ",".join(f"{name}={value}" for name, value in sorted(self.deviations)) or "default"


DEFAULT_VARIANTS: Final = Variants()
