"""Comparing the concrete reading with recorded behaviour of the C code, vector by vector."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, Final

from model.machine import NULL, Halt, Outcome
from model.patch import place_before
from model.values import FfaValue, Func
from model.variants import DEFAULT_VARIANTS, Variants
from proofs.vectors.bench import Bench
from proofs.vectors.calls import call
from proofs.vectors.format import Vector, VectorError
from proofs.vectors.topologies import setting_of

MACHINES_KEPT = 128
"""Recorded sets have fewer settings than this; a machine takes a fraction of a megabyte."""

SAME_CHECK: Final = {
    "gen/partition_abort.c:21": "src/arch/aarch64/hypervisor/handler.c:1131",
    "gen/partition_abort.c:28": "src/arch/aarch64/hypervisor/handler.c:1138",
    "gen/partition_abort.c:29": "src/arch/aarch64/hypervisor/handler.c:1139",
}
"""Checks that the recording named by another file."""

RECORDED_NAMES: Final = {"FFA_MSG_SEND_DIRECT_REQ2_64 ": Func.DIRECT_RESP2.value}
"""Functions that the C code itself prints under another name."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where the model and the C code disagree."""

    what: str
    expected: str
    actual: str


@dataclass(frozen=True, slots=True)
class Execution:
    """What the concrete reading did: outcome, reply, next vCPU, delivered values, state before and afterwards.

    `timer_expired` is an input that vectors do not record: whether FFA_RUN's target waits on an expired timer.
    """

    before: list[int]
    after: list[int]
    timer_expired: bool
    outcome: Outcome
    where: str = ""
    reply: Any = None
    next: str | None = None
    delivered: dict[str, FfaValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Comparison:
    """An execution of a vector's operation, and where it differs from the recorded one."""

    execution: Execution
    differences: list[Difference]


class VectorRunner:
    """Runs vectors on the concrete reading of a variant; the machines of recent topologies are kept."""

    def __init__(self, variants: Variants = DEFAULT_VARIANTS) -> None:
        self._bench_of = lru_cache(MACHINES_KEPT)(partial(Bench, variants=variants))

    def bench(self, vector: Vector) -> Bench:
        """The machine to run a vector on.  Raises as `compare` does."""
        return self._bench_of(setting_of(vector))

    def compare(self, vector: Vector) -> list[Difference]:
        """Every difference between what the C did and what the model does; empty when they agree.

        Raises VectorError for names and values that cannot be, Unsupported when the model has nothing to say.
        """
        return self.run(vector).differences

    def run(self, vector: Vector) -> Comparison:
        """Run a vector and compare.  Raises as `compare` does."""
        bench = self.bench(vector)
        before = bench.state_before(vector.pre)
        comparison = _compare(bench, vector, execute(bench, vector, before))
        if comparison.differences and vector.op.name == "api_ffa_run":
            expired = _compare(bench, vector, execute(bench, vector, before, timer_expired=True))
            if not expired.differences:
                return expired
        return comparison


def execute(bench: Bench, vector: Vector, before: list[int], timer_expired: bool = False) -> Execution:
    """Run a vector's operation from a state.  Raises VectorError and Unsupported as `call` does."""
    machine = bench.machine
    if not 0 <= vector.op.cpu < len(machine.cpus):
        raise VectorError(f"there is no CPU {vector.op.cpu}")
    after = list(before)
    machine.begin(after, vector.op.cpu)
    try:
        reply, next_vcpu = call(bench, vector.op, timer_expired)
    except Halt as halt:
        return Execution(before, after, timer_expired, halt.outcome, halt.where)
    return Execution(
        before,
        after,
        timer_expired,
        Outcome.RETURN,
        reply=reply,
        next=None if next_vcpu is None or next_vcpu == NULL else str(next_vcpu.key),
        delivered={str(key): value for key, value in machine.labels.delivered},
    )


def _compare(bench: Bench, vector: Vector, execution: Execution) -> Comparison:
    expected = bench.state_after(execution.before, vector.post)
    found = [
        *results(bench, vector, execution),
        *(Difference(str(v), *texts) for v, *texts in bench.changes(expected, execution.after, decided_only=True)),
    ]
    return Comparison(execution, [entry for entry in found if entry.expected != entry.actual])


def results(bench: Bench, vector: Vector, execution: Execution) -> list[Difference]:
    """Outcome and failing check; or reply, next vCPU and delivered values: as recorded, and as executed.

    Raises VectorError for the name of a vCPU that does not exist.
    """
    for name in (vector.next, *vector.delivered):
        if name is not None:
            bench.vcpu(name)
    rows = [Difference("outcome", vector.outcome, execution.outcome.value)]
    if vector.outcome not in ("return", "crash"):
        where = place_before(execution.where) if not bench.machine.keeps_state else execution.where
        rows.append(Difference("failing check", failing_check(vector.message), where or "none"))
    elif execution.outcome is Outcome.RETURN:
        rows.append(Difference("ret", _reply_text(vector.ret), _reply_text(execution.reply)))
        rows.append(Difference("next", vector.next or "null", execution.next or "null"))
        for name in sorted({*vector.delivered, *execution.delivered}):
            expected, given = vector.delivered.get(name), execution.delivered.get(name)
            rows.append(Difference(f"delivered to {name}", _reply_text(expected), _reply_text(given)))
    return rows


def failing_check(message: str) -> str:
    """The key of a recorded failure: file:line of the check, the lock, or the panic's own message."""
    if " at " in message and message.startswith("check failed"):
        key = message.rsplit(" at ", 1)[1]
        return SAME_CHECK.get(key, key)
    if message.startswith("ASSERT: "):
        return ":".join(message.removeprefix("ASSERT: ").split(":")[:2])
    if message.startswith("%s: unexpected runtime model"):
        return "unexpected runtime model"
    return message.removeprefix("lock already held: ").removeprefix("vcpu ").strip()


def _reply_text(reply: Any) -> str:
    """A reply as `FFA_ERROR(DENIED)`: from the model or from a vector."""
    if reply is None:
        return "null"
    if isinstance(reply, bool):
        return "true" if reply else "false"
    if isinstance(reply, FfaValue):
        func, code = reply.func.value, reply.code and reply.code.value
    else:
        func, code = RECORDED_NAMES.get(reply.func, reply.func), reply.code
    return f"{func}({code})" if code else func
