"""A trace as a value change dump, which GTKWave and Surfer open; states appear by name."""

from __future__ import annotations

from io import StringIO
from typing import Any

from vcd import VCDWriter
from vcd.writer import Variable

from proofs.traces.trace import Trace
from proofs.traces.values import field_text, object_text
from proofs.traces.words import end_text, start_text

STEP = 10
"""Nanoseconds that a step takes in the dump."""


def vcd(trace: Trace) -> str:
    """The trace as VCD text: a scope for each object, a string for each field and for what each CPU does.

    Names hold the object, because viewers show them without their scope.
    """
    layout = trace.layout
    stream = StringIO()
    with VCDWriter(stream, timescale="1 ns", date="", version="hafnium-lifecycle-proofs") as writer:
        fields: list[Variable[Any]] = [
            writer.register_var(
                f"{v.owner.kind}s.{_word(object_text(v.owner))}",
                f"{_word(object_text(v.owner))}_{v.field}",
                "string",
                init=_value(field_text(v, trace.initial[v.index])),
            )
            for v in layout.variables
        ]
        operations: list[Variable[Any]] = [
            writer.register_var(f"cpus.cpu_{cpu}", f"cpu_{cpu}_operation", "string", init="-")
            for cpu in range(trace.topology.cpus)
        ]
        for number, step in enumerate(trace.steps, 1):
            for cpu, operation in enumerate(operations):
                acts = cpu == step.action.cpu
                writer.change(operation, number * STEP, _value(start_text(step, trace.is_spmc)) if acts else "-")
            end = end_text(step, trace.is_spmc)
            for variable, recorded in zip(layout.variables, fields, strict=True):
                text = field_text(variable, step.state[variable.index])
                writer.change(recorded, number * STEP, _value(text))
            if step.outcome.is_failure:
                writer.change(operations[step.action.cpu], number * STEP + STEP // 2, _value(end))
        writer.close((len(trace) + 1) * STEP)
    return stream.getvalue()


def _value(text: str) -> str:
    """Text without blanks, which VCD strings cannot hold, nor anything but printable ASCII."""
    return "".join(character if "!" <= character <= "~" else "_" for character in text)


def _word(text: str) -> str:
    """The name of a scope: dots would separate scopes."""
    return _value(text).replace(".", "_")
