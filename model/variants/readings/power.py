"""Readings about CPUs that go off and come back."""

from __future__ import annotations

from typing import Final

from model.variants.language import Reading

POWER_READINGS: Final = (
    Reading(
        name="off-over-aborted",
        default="OFF",
        other="stays",
        text="CPU_OFF reaches a CPU whose SP vCPU is ABORTED. Is the vCPU turned OFF?",
        rule="PSCI, section 5.7.1, as cited by the comment at src/vcpu.c:101: an aborted vCPU counts as on.",
        default_means="It becomes OFF, and starts anew when the CPU comes back.",
        other_means="It stays ABORTED, and is left out when the CPU comes back.",
        source="src/ffa/spmc/direct_messaging.c:404",
        places=("vcpu_stays_aborted",),
    ),
    Reading(
        name="up-replug",
        default="started",
        other="left-alone",
        text="The boot CPU goes off and comes back, while the first SP in boot order is UP. Is the SP started again?",
        rule="The comment at src/ffa/spmc/direct_messaging.c:389 says that a UP SP is not turned off, as it can "
        "migrate. Upstream's later change cc8894ae takes the other reading.",
        default_means="The SPMC starts it, whatever its state; the CHECK of the transition decides.",
        other_means="Nothing happens to it, unless it is off; the normal world runs.",
        source="src/arch/aarch64/plat/psci/spmc.c:151",
        places=("plat_psci_cpu_resume",),
    ),
    Reading(
        name="off-not-waiting",
        default="asked",
        other="skipped",
        text="CPU_OFF reaches a subscriber whose vCPU is not WAITING. Is it sent the message?",
        rule="The comment at src/ffa/spmc/direct_messaging.c:371 says that it must be WAITING, and the one at line 461 "
        "speaks of no vCPU being ready; the code returns the last subscriber that it examined all the same.",
        default_means="If no later subscriber is WAITING, the last one gets the message whatever its state.",
        other_means="It is skipped, and turned OFF with the others.",
        source="src/ffa/spmc/direct_messaging.c:385",
        places=("find_next_vcpu_to_inform",),
    ),
    Reading(
        name="off-refused",
        default="reset",
        other="stays-on",
        text="An SP refuses CPU_OFF, perhaps after others have agreed. What becomes of the CPU?",
        rule="FF-A v1.2 REL0, section 18.2.4, as cited by src/ffa/spmc/direct_messaging.c:602: the SPMC returns "
        "DENIED; that TF-A then resets the system is its choice.",
        default_means="EL3 resets the system.",
        other_means="The normal world is told DENIED, the CPU stays on, and the vCPUs that agreed wait again.",
        source="src/ffa/spmc/direct_messaging.c:607",
        places=("handle_sp_cpu_off_framework_resp", "_switch"),
        assumes=("cpu_off_refused",),
    ),
    Reading(
        name="abort-in-cpu-off",
        default="error",
        other="refusal",
        text="An SP aborts while it is asked about CPU_OFF. What is EL3 told?",
        rule="FF-A v1.2 REL0, section 18.2.4, as cited by src/ffa/spmc/direct_messaging.c:602, on an SP that returns "
        "an error; an SP that aborts is not mentioned.",
        default_means="FFA_ERROR(ABORTED), as if FFA_RUN had ended; the CPU stays on.",
        other_means="DENIED: an SP that aborts has not agreed.",
        source="src/ffa/spmc/cpu_cycles.c:890",
        places=("ffa_cpu_cycles_abort",),
    ),
)
