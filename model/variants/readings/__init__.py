"""The ambiguous rules of FF-A that the model can read in two ways (`Reading`), by subject."""

from __future__ import annotations

from typing import Final

from model.variants.language import Reading
from model.variants.readings.abort import ABORT_READINGS
from model.variants.readings.boot import BOOT_READINGS
from model.variants.readings.interrupts import INTERRUPT_READINGS
from model.variants.readings.messages import MESSAGE_READINGS
from model.variants.readings.power import POWER_READINGS
from model.variants.readings.run import RUN_READINGS
from model.variants.readings.words import WORD_READINGS

READINGS: Final[tuple[Reading, ...]] = (
    *BOOT_READINGS,
    *POWER_READINGS,
    *RUN_READINGS,
    *MESSAGE_READINGS,
    *INTERRUPT_READINGS,
    *ABORT_READINGS,
    *WORD_READINGS,
)
