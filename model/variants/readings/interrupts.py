"""Readings about interrupts: who handles them, and who goes on."""

from __future__ import annotations

from typing import Final

from model.variants.language import Reading

INTERRUPT_READINGS: Final = (
    Reading(
        name="interrupt-not-started",
        default="panic",
        other="pending",
        text="A secure interrupt arrives on a CPU on which its owner's vCPU has not started, or is OFF. What happens?",
        rule="The comment at src/ffa/spmc/interrupts.c:390 says that such a vCPU cannot be the target. Hafnium's "
        "test handle_interrupt_rtm_init has one that is pending before its owner boots, and is delivered then.",
        default_means="The SPMC panics, or fails an assertion before that.",
        other_means="The interrupt is pending until the vCPU has started.",
        source="src/ffa/spmc/interrupts.c:258, src/ffa/spmc/interrupts.c:393",
        places=("ffa_interrupts_signal_secure_interrupt",),
    ),
    Reading(
        name="interrupt-blocked",
        default="resumed",
        other="queued",
        text="A secure interrupt's target is BLOCKED earlier in the call chain of the vCPU that executes. What now?",
        rule="FF-A v1.1 EAC0, Table 8.4, scenario 1, as cited by src/ffa/spmc/interrupts.c:321; S-EL0 SPs are treated "
        "in the other way (line 304).",
        default_means="The target is resumed to handle it, the vCPU that executes is PREEMPTED.",
        other_means="The interrupt is queued until the call chain returns to the target.",
        source="src/ffa/spmc/interrupts.c:304",
        places=("ffa_interrupts_signal_secure_interrupt",),
    ),
    Reading(
        name="pending-at-wait",
        default="at-once",
        other="later",
        text="An SP gives its cycles back, but has an interrupt pending. When is it handled?",
        rule="The comment at src/ffa/spmc/interrupts.c:773 and the manifest field sri-interrupts-policy "
        "(docs/change-log.md:24). What holds if the manifest is silent is not cited.",
        default_means="At once: the call is intercepted, unless the manifest says otherwise.",
        other_means="When the SP is next given cycles.",
        source="src/ffa/spmc/interrupts.c:777-809",
        places=("ffa_interrupts_intercept_call",),
    ),
    Reading(
        name="preempted-chain",
        default="caller",
        other="normal-world",
        text="A non-secure interrupt preempts an SP that serves another SP's request. Who runs next?",
        rule="FF-A v1.1 EAC0, section 8.2.4, bullet 4, as cited by src/ffa/spmc/interrupts.c:537: the normal world or "
        "the previous SP of the call chain.",
        default_means="The SP that sent the request: the call chain is unwound link by link.",
        other_means="The normal world; the call chain stays as it is.",
        source="src/ffa/spmc/interrupts.c:549",
        places=("ffa_interrupts_unwind_nwd_call_chain",),
    ),
)
