"""Proposed changes of the C (`Fix`), each the smallest that removes the root cause of a finding."""

from __future__ import annotations

from typing import Final

from model.variants.language import Fix

FIXES: Final[tuple[Fix, ...]] = ()
