"""Executions for the tests of traces, and a property that one of them violates."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from model.environment import DEFAULT
from model.topology import BUILT_IN
from model.values import VcpuState, VmState
from proofs.traces.exploration import Exploration
from proofs.traces.trace import Trace, attribute
from proofs.traces.words import step_text
from properties.language import Kind, Property, always_true, each_vm

RESTART = (
    "boot loads",
    "cold boot",
    "goes on after window W8",
    "FFA_ERROR(ABORTED)",
    "saves its registers",
    "CPU1: PSCI CPU_ON",
    "framework message PSCI CPU_OFF",
    "CPU0: PSCI CPU_ON",
)
"""An SP aborts while it boots; CPU 0 goes off and on again: the SPMC panics."""

HOSTILE = "<script>document.title='owned'</script>\"'`|];"

NO_ABORT = Property(
    "T01",
    f"No VM is ABORTING {HOSTILE}",
    "A property for tests.",
    Kind.ALWAYS,
    each_vm,
    lambda m, vm: vm.state != VmState.NULL or all(vcpu.state == VcpuState.CREATED for vcpu in vm.vcpus),
    always_true,
    (),
)
ABORTING = replace(
    NO_ABORT,
    id="T02",
    holds=lambda m, vm: vm.state != VmState.NULL and vm.state != VmState.ABORTING,
)


def explored(topology: str, granularity: str, words: tuple[str, ...]) -> Exploration:
    """An exploration that took, step by step, the first possibility whose line holds the words."""
    exploration = Exploration(BUILT_IN[topology], DEFAULT, granularity)
    for wanted in words:
        found = next(p for p in exploration.possibilities() if wanted in step_text(p.step, is_spmc=True))
        exploration.take(found.action)
    return exploration


@cache
def restart() -> Trace:
    """Two CPUs; ends in a panic."""
    return explored("2x1-up", "section", RESTART).trace


@cache
def aborting() -> Trace:
    """The first steps of the same execution, as a violation of ABORTING."""
    trace = explored("2x1-up", "section", RESTART[:4]).trace
    vm = next(iter(each_vm(trace.topology)))
    return attribute(trace, ABORTING, vm)
