"""Readings about direct messages: what a sender is told whose request cannot be delivered."""

from __future__ import annotations

from typing import Final

from model.variants.language import Reading

MESSAGE_READINGS: Final = (
    Reading(
        name="init-request",
        default="BUSY",
        other="DENIED",
        text="An SP that initialises on the primary CPU sends a request to one that has not booted. What is it told?",
        rule="FF-A v1.2 ALP0, section 8.3, rule 1, as cited by src/ffa/spmc/cpu_cycles.c:744; Hafnium's "
        "secure-partition-manager.rst:607 allows requests to SPs that have booted. The VM's state is tested first.",
        default_means="BUSY, because the receiver's VM is CREATED.",
        other_means="DENIED, by the sender's runtime model.",
        source="src/api.c:2980",
        places=("direct_request_locked",),
    ),
    Reading(
        name="refusal-order",
        default="sender-first",
        other="receiver-first",
        text="The sender's runtime model forbids a request, and the receiver could not take it either. Which counts?",
        rule="No rule is cited on the order. The runtime model is tested at src/api.c:3017, the receiver's state in "
        "part before it (line 3009), in part after it (line 3024).",
        default_means="The sender's runtime model: DENIED, unless the receiver executes or serves a request.",
        other_means="The receiver's state: BUSY, ABORTED or INVALID_PARAMETERS.",
        source="src/api.c:3020",
        places=("direct_request_locked",),
    ),
    Reading(
        name="cyclic-request",
        default="BUSY",
        other="DENIED",
        text="SP1 asks SP2, which asks SP1. What is SP2 told?",
        rule="FF-A v1.2, section 8.3, rules 1 and 2, as cited by src/ffa/spmc/cpu_cycles.c:636; "
        "secure-partition-manager.rst:1359 says that a loop in the call chain is denied. The comment at src/api.c:3003 "
        "gives the reason for BUSY.",
        default_means="BUSY, if SP1 serves a request itself: that is found out first.",
        other_means="DENIED: the call chain may not loop.",
        source="src/api.c:3013",
        places=("reply_of_busy",),
    ),
    Reading(
        name="aborted-with-request",
        default="BUSY",
        other="ABORTED",
        text="An SP aborted while it served a request. What are senders of further requests told?",
        rule="The comment at src/api.c:3003 is about receivers that execute. That ABORTED is returned for an aborted "
        "SP is at line 3025, behind that test; no rule is cited.",
        default_means="BUSY, as if it still served the request.",
        other_means="What is said of an aborted SP: ABORTED, or BUSY if it is lifecycle-aware.",
        source="src/api.c:3013",
        places=("reply_of_busy",),
    ),
    Reading(
        name="off-target-request",
        default="BUSY",
        other="DENIED",
        text="What is the sender of a direct request told whose receiver is OFF?",
        rule="The comment at src/ffa/spmc/cpu_cycles.c:70, on FFA_RUN, whose caller is DENIED.",
        default_means="BUSY, as for any receiver that does not wait.",
        other_means="DENIED, as for FFA_RUN.",
        source="src/api.c:3041",
        places=("reply_of_unavailable",),
    ),
)
