"""Readings about FFA_RUN and FFA_YIELD: who may resume whom, and what a caller is told who may not."""

from __future__ import annotations

from typing import Final

from model.variants.language import Reading

RUN_READINGS: Final = (
    Reading(
        name="off-target",
        default="DENIED",
        other="BUSY",
        text="What is an SP told that calls FFA_RUN on a vCPU that is OFF?",
        rule="The comment at src/ffa/spmc/cpu_cycles.c:70. The conformance suite (ff-a-acs, "
        "docs/testcase_checklist.md), citing FF-A v1.0, sections 9.3 and 10.2, has DENIED for a state that cannot "
        "handle the call, and BUSY for a vCPU that can be tried again.",
        default_means="DENIED: it is not in a state to run.",
        other_means="BUSY: it is unavailable, try again.",
        source="src/ffa/spmc/cpu_cycles.c:73",
        places=("ffa_cpu_cycles_run_checks",),
    ),
    Reading(
        name="off-target-nwd",
        default="INVALID_PARAMETERS",
        other="DENIED",
        text="What is the normal world told that calls FFA_RUN on a vCPU that is OFF?",
        rule="The comment at src/ffa/spmc/cpu_cycles.c:70 says who may turn it on. The code sets no error here: the "
        "reply is what the variable was initialised with.",
        default_means="INVALID_PARAMETERS, as for a vCPU that does not exist.",
        other_means="DENIED, as an SP is told.",
        source="src/api.c:1335",
        places=("prepare_run_locked",),
    ),
    Reading(
        name="stopped-busy",
        default="BUSY",
        other="ABORTED",
        text="A lifecycle-aware SP aborted. What are later callers told?",
        rule="FF-A v1.3 ALP2, section 7.3 on abort actions, as cited by upstream's later "
        "inc/hf/ffa_partition_manifest.h; at this commit, no rule is cited.",
        default_means="BUSY: the SP is stopped, and may come back.",
        other_means="ABORTED, as for an SP that is not lifecycle-aware.",
        source="src/api.c:1318, src/api.c:3026",
        places=("aborted_reply",),
    ),
    Reading(
        name="first-caller",
        default="ABORTED",
        other="BUSY",
        text="An SP that is not lifecycle-aware aborted. Who is told: also later callers, or only the one it served?",
        rule="The conformance suite (ff-a-acs, docs/testcase_checklist.md), citing FF-A v1.0, sections 9.3 and 10.2: "
        "ABORTED if the vCPU or VM ran into an unexpected error. For how long is not said.",
        default_means="Every later caller is told ABORTED.",
        other_means="Later callers are told BUSY.",
        source="src/api.c:1321, src/api.c:3029",
        places=("aborted_reply",),
    ),
    Reading(
        name="sp-caller",
        default="DENIED",
        other="same-codes",
        text="What is an SP told that calls FFA_RUN on a vCPU that is not available?",
        rule="The comment at src/ffa/spmc/cpu_cycles.c:79 on the states in which an SP may resume another one.",
        default_means="DENIED, whatever the target's state.",
        other_means="What the normal world would be told: BUSY, ABORTED or INVALID_PARAMETERS.",
        source="src/ffa/spmc/cpu_cycles.c:87",
        places=("reply_to_sp",),
    ),
    Reading(
        name="run-waiting",
        default="DENIED",
        other="runs",
        text="May an SP give cycles by FFA_RUN to an SP that is WAITING?",
        rule="The comment at src/ffa/spmc/cpu_cycles.c:79 says no. Section 8.2.3, bullet 4.2 of FF-A v1.1 EAC0, as "
        "cited by line 452, is implemented there for callers that are SPs, too.",
        default_means="No, it is DENIED.",
        other_means="Yes, in the runtime model of FFA_RUN and the caller's scheduling mode.",
        source="src/ffa/spmc/cpu_cycles.c:82-87",
        places=("ffa_cpu_cycles_run_checks",),
    ),
    Reading(
        name="pinned-index",
        default="mp-callers",
        other="every-caller",
        text="Must FFA_RUN on an MP SP name the vCPU of the CPU it is called on?",
        rule="No rule is cited at src/ffa/spmc/cpu_cycles.c:54; the comment at line 143 says that a target can only be "
        "resumed on the present CPU.",
        default_means="Only if the caller is multiprocessor itself.",
        other_means="Always; otherwise INVALID_PARAMETERS.",
        source="src/ffa/spmc/cpu_cycles.c:54",
        places=("ffa_cpu_cycles_run_checks",),
    ),
    Reading(
        name="chain-elsewhere",
        default="DENIED",
        other="BUSY",
        text="What is the caller of FFA_RUN told if the target is in a call chain on another CPU?",
        rule="The comment at src/ffa/spmc/cpu_cycles.c:143. A direct request to the same vCPU is told BUSY "
        "(src/api.c:3013), and the conformance suite (ff-a-acs, docs/testcase_checklist.md) has BUSY for FFA_RUN "
        "on a vCPU that is busy on another CPU.",
        default_means="DENIED: a call chain cannot span CPUs.",
        other_means="BUSY: it can be run later.",
        source="src/ffa/spmc/cpu_cycles.c:149",
        places=("ffa_cpu_cycles_run_checks",),
    ),
    Reading(
        name="migrate-serving",
        default="allowed",
        other="DENIED",
        text="May a UP SP that serves a request of the normal world be resumed by FFA_RUN on another CPU?",
        rule="The comment at src/ffa/spmc/cpu_cycles.c:143: a call chain cannot span CPUs. The code looks at links "
        "between SPs only; a request of the normal world makes none.",
        default_means="It may, and migrates in the middle of the request.",
        other_means="It may not: DENIED, as within a call chain of SPs.",
        source="src/ffa/spmc/cpu_cycles.c:146",
        places=("ffa_cpu_cycles_run_checks",),
    ),
    Reading(
        name="intermediate-contexts",
        default="skipped",
        other="resumed",
        text="An SP handled an interrupt within its call chain, and calls FFA_RUN. Who goes on?",
        rule="FF-A v1.1 EAC0, section 8.3.2.2.1 and Figure 8.13 scenario 1, as cited by src/ffa/spmc/cpu_cycles.c:102 "
        "and :121, which calls it an implementation choice.",
        default_means="The vCPU that was preempted, whichever one FFA_RUN names.",
        other_means="The vCPU that FFA_RUN names.",
        source="src/ffa/spmc/cpu_cycles.c:127",
        places=("ffa_cpu_cycles_run_checks",),
    ),
    Reading(
        name="yield-request",
        default="BLOCKED",
        other="DENIED",
        text="May an SP call FFA_YIELD while it serves a direct request?",
        rule="FF-A v1.2, section 8.3, rule 3, as cited by src/ffa/spmc/cpu_cycles.c:658; that FF-A "
        "v1.0 had DENIED is second-hand, no source cites the rule.",
        default_means="It may, and is BLOCKED (v1.2).",
        other_means="It may not (v1.0).",
        source="src/ffa/spmc/cpu_cycles.c:659",
        places=("ffa_cpu_cycles_check_rtm_ffa_dir_req",),
    ),
    Reading(
        name="yield-interrupt",
        default="no-effect",
        other="BLOCKED",
        text="An SP calls FFA_YIELD while it handles a secure interrupt. What happens?",
        rule="FF-A v1.2, section 8.4, rule 3, as cited by src/ffa/spmc/cpu_cycles.c:708, moves it to BLOCKED; the "
        "comment at line 523 calls doing nothing an implementation defined choice.",
        default_means="Nothing: it goes on.",
        other_means="It is BLOCKED until FFA_RUN resumes it, and the preempted vCPU goes on.",
        source="src/ffa/spmc/cpu_cycles.c:534",
        places=("ffa_cpu_cycles_yield_prepare",),
    ),
)
