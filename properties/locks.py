"""Locks: their documented order, their release, and progress."""

from __future__ import annotations

from model.machine import NULL, Outcome
from properties.language import at_rest, each_cpu, once
from properties.scopes import every_object
from properties.statements import BOTH_WORLDS, always, never, recoverable, refinement
from properties.vocabulary import FFA_ERROR, MSG_WAIT, SECURE_INTERRUPT

P44 = never(
    "P44",
    "Locks are taken in the documented order",
    "A VM's lock is taken before a vCPU's, and of two locks of a kind the one at the lower address first. Two CPUs "
    "that take the same locks in different orders can wait for each other for ever. (The graph of which lock is "
    "taken under which is judged apart from this.)",
    over=once,
    happens=lambda label, before, after: any(event.startswith("lock order") for event in label.events),
    sources=("src/api.c:api_vcpu_prepare_run", "src/ffa/spmc/cpu_cycles.c:sp_boot_next"),
    worlds=BOTH_WORLDS,
)
P44_R1 = refinement(
    P44,
    "P44.r1",
    "Only booting the next SP takes locks out of order",
    "As P44, but for FFA_MSG_WAIT and FFA_ERROR, which may lock the next SP's VM while holding the caller's vCPU.",
    where=lambda label, *_: label.action.operation not in (MSG_WAIT, FFA_ERROR),
)

P45A = never(
    "P45a",
    "No lock is released twice",
    "A lock is released by the CPU that holds it. A second release frees a lock that another CPU may have taken in "
    "between.",
    over=once,
    happens=lambda label, before, after: any(event.startswith("double release") for event in label.events),
    sources=(
        "src/api.c:api_ffa_msg_wait",
        "src/ffa/spmc/cpu_cycles.c:ffa_cpu_cycles_msg_wait_prepare",
        "src/ffa/spmc/interrupts.c:ffa_interrupts_handle_secure_interrupt",
    ),
    worlds=BOTH_WORLDS,
)
P45A_R1 = refinement(
    P45A,
    "P45a.r1",
    "Only FFA_MSG_WAIT and an interrupt of the vCPU that executes release a lock twice",
    "As P45a, for every other operation.",
    where=lambda label, *_: label.action.operation not in (MSG_WAIT, SECURE_INTERRUPT),
)

P45B = always(
    "P45b",
    "No lock is held at rest",
    "Every operation releases what it takes, on every path.",
    over=every_object,
    when=lambda m, item: at_rest(m),
    then=lambda m, item: item.lock == NULL,
    sources=("src/api.c:api_ffa_run", "src/ffa/spmc/cpu_cycles.c:ffa_cpu_cycles_yield_prepare"),
    worlds=BOTH_WORLDS,
)

P45C = never(
    "P45c",
    "No CPU waits for itself",
    "No operation takes a lock that its own CPU holds, or loops for ever.",
    over=once,
    happens=lambda label, before, after: label.outcome is Outcome.DEADLOCK,
    sources=(
        "src/ffa/spmc/cpu_cycles.c:ffa_cpu_cycles_run_checks",
        "src/ffa/spmc/direct_messaging.c:ffa_direct_msg_precedes_in_call_chain",
    ),
    worlds=BOTH_WORLDS,
)
P45C_R1 = refinement(
    P45C,
    "P45c.r1",
    "No CPU waits for itself, unless an SP calls FFA_RUN on itself",
    "As P45c, for callers that name another vCPU: FFA_RUN takes the caller's lock and the target's without "
    "comparing them.",
    where=lambda label, *_: (
        label.action.operation != "api_ffa_run"
        or label.action.actor is None
        or label.action.arguments[0] != label.action.actor.first
    ),
)

P46 = recoverable(
    "P46",
    "An operation that has begun can end",
    "From every state, a CPU that is in the middle of an operation can get to its end: CPUs do not block one "
    "another for ever. (Between operations there is nothing to wait for.)",
    over=each_cpu,
    when=lambda m, cpu: cpu.section != "idle",
    can_become=lambda m, cpu: cpu.section == "idle",
    sources=("src/ffa/spmc/cpu_cycles.c:sp_boot_next", "src/api.c:api_vcpu_prepare_run"),
    worlds=BOTH_WORLDS,
    in_operations=True,
)
