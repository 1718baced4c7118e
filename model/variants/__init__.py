"""Variants: named switches over the model, for revisions of the C, readings of ambiguous rules, and proposed fixes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from model.variants.fixes import FIXES
from model.variants.hunks import HUNK_SWITCHES
from model.variants.language import Variant
from model.variants.readings import READINGS

VARIANTS: Final[tuple[Variant, ...]] = (*HUNK_SWITCHES, *READINGS, *FIXES)
VARIANT_BY_NAME: Final = {variant.name: variant for variant in VARIANTS}
REVISIONS: Final = ("after", "before")
"""The alternatives of `revision`, which stands for all hunks of the patch."""


@dataclass(frozen=True, slots=True)
class Variants:
    """What is chosen of every variant: the default, but for `deviations`.

    What is `free` is not chosen: each alternative is that of some initial state.
    """

    deviations: frozenset[tuple[str, str]] = frozenset()
    free: frozenset[str] = frozenset()

    @classmethod
    def of(cls, chosen: Mapping[str, str], free: Iterable[str] = ()) -> Variants:
        """The named alternatives, and the defaults of the other variants.

        `revision` stands for all hunks.  Raises ValueError for unknown names.
        """
        alternatives: dict[str, str] = {}
        if "revision" in chosen:
            if chosen["revision"] not in REVISIONS:
                raise ValueError(f"revision={chosen['revision']}")
            alternatives = {hunk.name: chosen["revision"] for hunk in HUNK_SWITCHES}
        alternatives |= {name: alternative for name, alternative in chosen.items() if name != "revision"}
        for name, alternative in alternatives.items():
            if name not in VARIANT_BY_NAME or alternative not in VARIANT_BY_NAME[name].alternatives:
                raise ValueError(f"{name}={alternative}")
        deviations = ((name, value) for name, value in alternatives.items() if value != VARIANT_BY_NAME[name].default)
        return cls(frozenset(deviations), frozenset(free))

    def __getitem__(self, name: str) -> str:
        return dict(self.deviations).get(name, VARIANT_BY_NAME[name].default)

    def chosen(self) -> dict[str, str]:
        """What deviates from the default, by name; `revision` if all hunks of the patch do."""
        deviations = dict(sorted(self.deviations))
        hunks = [hunk.name for hunk in HUNK_SWITCHES if hunk.name in deviations]
        if len(hunks) == len(HUNK_SWITCHES):
            return {"revision": "before"} | {n: v for n, v in deviations.items() if n not in hunks}
        return deviations

    @property
    def keeps_flag(self) -> bool:
        """Whether VMs have the flag `aborting`, which some hunk before the patch reads or writes."""
        return any(hunk.name in self.free or self[hunk.name] == "before" for hunk in HUNK_SWITCHES)

    @property
    def keeps_state(self) -> bool:
        """Whether VMs have a state, which some hunk of the patch reads or writes."""
        return any(hunk.name in self.free or self[hunk.name] == "after" for hunk in HUNK_SWITCHES)

    def __str__(self) -> str:
        return ",".join(f"{name}={value}" for name, value in self.chosen().items()) or "default"


DEFAULT_VARIANTS: Final = Variants()
BEFORE: Final = Variants.of({"revision": "before"})
"""Hafnium before the patch: no operation writes a VM's state, and a VM has a flag `aborting`."""
