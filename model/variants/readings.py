"""The ambiguous rules of FF-A that the model can read in two ways (`Reading`)."""

from __future__ import annotations

from typing import Final

from model.variants.language import Reading

READINGS: Final[tuple[Reading, ...]] = ()
