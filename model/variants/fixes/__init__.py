"""Proposed changes of the C (`Fix`), each the smallest that removes the root cause of a finding."""

from __future__ import annotations

from typing import Final

from model.variants.fixes.aborts import ABORTS
from model.variants.fixes.boot_and_power import BOOT_AND_POWER
from model.variants.fixes.cycles import CYCLES
from model.variants.fixes.messages import MESSAGES
from model.variants.language import Fix

FIXES: Final[tuple[Fix, ...]] = (*CYCLES, *MESSAGES, *ABORTS, *BOOT_AND_POWER)
