"""Pending virtual interrupts of a vCPU: a queue of ids and the set of enabled ones (src/vcpu.c)."""

from __future__ import annotations

from model.machine import Machine, Vcpu
from model.source import source

VCPU_C = "src/vcpu.c"
HF_INVALID_INTID = 0xFFFFFFFF


@source(VCPU_C)
def vcpu_virt_interrupt_pending_and_enabled(m: Machine, vcpu: Vcpu) -> bool:
    """vcpu_virt_interrupt_count_get() > 0: whether some pending interrupt is enabled."""
    enabled = vcpu.vint_enabled
    return m.satisfies(vcpu, "vint_pending", lambda queue: any(intid in enabled for intid in queue))  # L293


@source(VCPU_C)
def vcpu_virt_interrupt_peek_pending_and_enabled(m: Machine, vcpu: Vcpu) -> int:
    """The first enabled pending interrupt, or HF_INVALID_INTID.  Those before it move to the end of the queue."""
    if not vcpu_virt_interrupt_pending_and_enabled(m, vcpu):  # L551
        return HF_INVALID_INTID  # L552
    enabled = tuple(vcpu.vint_enabled)
    queue = tuple(vcpu.vint_pending)
    while queue[0] not in enabled:  # L561
        queue = (*queue[1:], queue[0])  # L562-563
    vcpu.vint_pending = queue
    return queue[0]  # L569


@source(VCPU_C)
def vcpu_virt_interrupt_get_pending_and_enabled(m: Machine, vcpu: Vcpu) -> int:
    """Take the first pending interrupt that is enabled off the queue; HF_INVALID_INTID if there is none."""
    intid = vcpu_virt_interrupt_peek_pending_and_enabled(m, vcpu)  # L580
    if intid != HF_INVALID_INTID:  # L582
        vcpu.vint_pending = tuple(vcpu.vint_pending)[1:]  # L583-584
    return intid  # L596


@source(VCPU_C)
def vcpu_virt_interrupt_inject(m: Machine, vcpu: Vcpu, intid: int) -> None:
    """Make an interrupt pending, unless it is already."""
    if m.satisfies(vcpu, "vint_pending", lambda queue: intid in queue):  # L611
        return  # L612
    vcpu.vint_pending = (*tuple(vcpu.vint_pending), intid)  # L616


@source(VCPU_C)
def vcpu_virt_interrupt_clear(m: Machine, vcpu: Vcpu, intid: int) -> None:
    """Make an interrupt no longer pending."""
    if m.satisfies(vcpu, "vint_pending", lambda queue: intid not in queue):  # L636
        return  # L637
    vcpu.vint_pending = tuple(pending for pending in tuple(vcpu.vint_pending) if pending != intid)  # L640-653


@source("src/api.c")
def api_interrupt_get(m: Machine, current: Vcpu) -> int:
    """HF_INTERRUPT_GET: an SP takes its first pending interrupt."""
    m.lock(current)
    intid = vcpu_virt_interrupt_get_pending_and_enabled(m, current)  # L2436
    m.unlock(current)
    return intid
