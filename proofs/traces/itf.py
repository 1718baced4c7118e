"""A trace in the Informal Trace Format, which the ITF viewer of VS Code opens."""

from __future__ import annotations

import json
from typing import Any

from model.variables import Key
from proofs.traces.trace import Trace
from proofs.traces.values import field_text
from proofs.traces.words import step_text


def itf(trace: Trace) -> str:
    """The trace as ITF JSON: a record for each object, and `step`, what led to the state."""
    layout = trace.layout
    owners = dict.fromkeys(variable.owner for variable in layout.variables)
    texts = ["", *(step_text(step, trace.is_spmc) for step in trace.steps)]
    states = []
    for number, (text, state) in enumerate(zip(texts, trace.states, strict=True)):
        records: dict[str, Any] = {_name(owner): {} for owner in owners}
        for variable in layout.variables:
            records[_name(variable.owner)][variable.field] = field_text(variable, state[variable.index])
        states.append({"#meta": {"index": number}, "step": text, **records})
    contents = {
        "#meta": {
            "format": "ITF",
            "format-description": "https://apalache-mc.org/docs/adr/015adr-trace.html",
            "description": f"{trace.property_id} {trace.title}".strip() or f"trace on {trace.topology.name}",
        },
        "vars": ["step", *(_name(owner) for owner in owners)],
        "states": states,
    }
    return json.dumps(contents, indent=1) + "\n"


def _name(owner: Key) -> str:
    """The object's name as an identifier: `vcpu_0x8001_0`."""
    return f"{owner.kind}_{str(owner).replace('.', '_')}"
