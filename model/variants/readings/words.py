"""Readings of what a property says: not of the C, which they leave as it is."""

from __future__ import annotations

from typing import Final

from model.variants.language import Reading

WORD_READINGS: Final = (
    Reading(
        name="aborting-runs",
        default="state",
        other="transition",
        text="No vCPU runs while its VM is ABORTING: when does a vCPU run?",
        rule="The comments at inc/hf/vm.h:186 and src/vm.c:1302; raised while modelling.",
        default_means="While its state says so.",
        other_means="When it is given CPU cycles.",
        source="src/arch/aarch64/hypervisor/handler.c:1131",
        places=(),
        properties=(("state", "P01"), ("transition", "P02")),
    ),
    Reading(
        name="starting-runs",
        default="yes",
        other="no",
        text="Does a vCPU run that is STARTING?",
        rule="The comment at inc/hf/vcpu.h:69: a STARTING vCPU has been allocated CPU cycles to initialise itself.",
        default_means="It does: it has CPU cycles.",
        other_means="It does not: only a RUNNING one does.",
        source="src/api.c:1302",
        places=(),
        properties=(("yes", "P01"),),
    ),
)
