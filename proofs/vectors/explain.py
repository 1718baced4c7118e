"""One vector in full: the operation, the path the model takes through the C, what it changes, how it ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from model.source import operations
from model.tracing import Event, Step, follow
from proofs.vectors.bench import Bench
from proofs.vectors.compare import Difference, VectorRunner, execute, results
from proofs.vectors.format import RecordedOp, Vector

CHANGES_COLUMN = 64


@dataclass(slots=True)
class PathLine:
    """A line of the path: what was entered or passed, and the changes of state made there."""

    text: str
    changes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        if not self.changes:
            return self.text
        return "\n".join(
            f"{text:<{CHANGES_COLUMN}} {change}"
            for text, change in zip((self.text, *("" for _ in self.changes[1:])), self.changes, strict=True)
        )


def explain(runner: VectorRunner, vector: Vector) -> str:
    """The text of `lifecycle vectors --show`.  Raises as VectorRunner.compare does."""
    bench = runner.bench(vector)
    comparison = runner.run(vector)
    execution = comparison.execution
    return "\n".join(
        (
            f"{vector.vid} (family {vector.family}, {vector.variant} build)",
            f"CPU {vector.op.cpu}: {vector.op.current or 'no vCPU'} calls {_call_text(vector.op)}",
            *(("the target of FFA_RUN has an expired timer",) if execution.timer_expired else ()),
            "",
            "path of the model through the C, and the state it changes",
            *(str(line) for line in _path(bench, vector, execution.before, execution.timer_expired)),
            "",
            *_table("result", results(bench, vector, execution)),
            "",
            *_table("differences", comparison.differences),
        )
    )


def _call_text(op: RecordedOp) -> str:
    arguments = ", ".join(f"{name}={value}" for name, value in op.args.items())
    return f"{op.name}({arguments})"


def _path(bench: Bench, vector: Vector, before: list[int], timer_expired: bool) -> list[PathLine]:
    """The functions entered and lines passed, each with the changes of state made there."""
    lines = [PathLine("  before the call")]
    active = [lines[0]]
    known = list(before)

    def visit(step: Step) -> None:
        state = bench.machine.state
        changes = bench.changes(known, state, decided_only=False)
        active[-1].changes.extend(f"{variable}: {old} -> {new}" for variable, old, new in changes)
        known[:] = state
        if step.event is not Event.ENTERED:
            active.pop()
        if step.event is not Event.LEFT:
            lines.append(PathLine(_step_text(step)))
            active.append(lines[-1])

    follow(lambda: execute(bench, vector, before, timer_expired), visit)
    return lines if lines[0].changes else lines[1:]


def _step_text(step: Step) -> str:
    indent = "  " * step.depth
    if step.location is not None:
        return f"{indent}  {step.location}"
    operation = operations().get(step.function)
    return f"{indent}{step.function}" + (f" ({operation.file})" if operation else "")


def _table(title: str, rows: list[Difference]) -> Iterator[str]:
    if not rows:
        yield f"{title}: none"
        return
    yield f"{title:<30} {'recorded':<44} model"
    for row in rows:
        yield f"  {row.what:<28} {row.expected:<44} {row.actual}"
