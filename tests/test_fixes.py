"""Each proposed fix removes a violation of a finding it is meant for, up to the length at which it is known."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

import pytest

import model.operations
from model.environment import Assumptions
from model.exploration import Granularity, build_relation
from model.topology import BUILT_IN
from model.variants import Variants
from model.variants.fixes import FIXES
from proofs.engines.explicit import ExplicitSearch, Space
from proofs.engines.successors import Successors
from properties.catalogue import CATALOGUE

MANY = 1_000_000
HANDLER, SECTION = Granularity.HANDLER, Granularity.SECTION


@dataclass(frozen=True)
class Repair:
    """A fix, and a violation of one of its findings: of a property, or of P35 by a failing check.

    `needs` is what the environment has to do for that, of what it may do; `given` are other fixes that it needs.
    """

    fix: str
    topology: str
    breach: str
    length: int
    needs: tuple[str, ...] = ()
    granularity: Granularity = HANDLER
    given: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.fix}-{self.topology}"

    def is_broken(self, variants: Variants) -> bool:
        """Whether an execution of at most the known length breaks it."""
        space = searched(self, variants)
        failures = {f"{outcome.value} {where}" for outcome, where in space.failures}
        return self.breach in space.violations or self.breach in failures


@cache
def searched(repair: Repair, variants: Variants) -> Space:
    """Every execution up to the known length."""
    item = CATALOGUE.get(repair.breach)
    assume = Assumptions(**{field.name: field.name in repair.needs for field in fields(Assumptions)})
    relation = build_relation(BUILT_IN[repair.topology], assume, repair.granularity, variants=variants)
    properties = [item] if item else []
    return ExplicitSearch(Successors(relation), properties, MANY, max_depth=repair.length).run()


INTERRUPTS = ("secure_interrupts", "boot_interrupts")
REPAIRS = (
    Repair("run-denies-self", "2x1-up", "deadlock 0x8001.0", 3, ("sp_runs", "sp_runs_itself")),
    Repair("run-checks-index", "2x2", "P25", 10, ("secondary_cpus", "sp_runs", "sp_requests")),
    Repair("run-redirects-late", "1x2", "P18", 9, ("sp_runs", *INTERRUPTS)),
    Repair(
        "handler-denied-run", "1x2", "panic src/ffa/spmc/cpu_cycles.c:450", 12, ("sp_runs", "sp_requests", *INTERRUPTS)
    ),
    Repair("run-leaves-callees", "1x2", "panic src/api.c:3303", 13, ("sp_errors", "sp_requests", "sp_yields")),
    Repair("run-tells-aborted", "1x2", "P47", 6, ("sp_errors", "sp_runs", "sp_requests")),
    Repair(
        "preempted-is-reserved",
        "2x2",
        "panic src/ffa/spmc/cpu_cycles.c:195",
        17,
        ("secondary_cpus", "sp_requests", *INTERRUPTS),
    ),
    Repair("run-marks-idle-only", "2x1-up", "P34", 14, ("secondary_cpus", "sp_aborts"), granularity=SECTION),
    Repair(
        "aborting-marks-nobody",
        "2x1-mp-silent",
        "panic src/api.c:2991",
        11,
        ("secondary_cpus", "sp_errors", "non_secure_interrupts"),
    ),
    Repair(
        "aborted-from-any-state",
        "2x1-mp-silent",
        "panic src/api.c:2991",
        11,
        ("secondary_cpus", "sp_errors", "non_secure_interrupts"),
    ),
    Repair("init-accepts-any-state", "1x2", "assert src/ffa/spmc/cpu_cycles.c:735", 9, ("sp_requests",)),
    Repair("resumed-init-is-starting", "1x2", "P27", 7, ("sp_requests",)),
    Repair("interception-frees-registers", "1x2", "P22", 7, INTERRUPTS),
    Repair("wait-unmasks-first", "1x2", "X09.r1", 12, INTERRUPTS),
    Repair("run-hands-down-mask", "1x2", "X09.r2", 15, ("sp_runs", "sp_yields")),
    Repair("run-repeats-checks", "2x2-up-silent", "X18", 20, ("secondary_cpus", "sp_requests"), granularity=SECTION),
    Repair("older-interrupt-first", "1x2-el0", "assert src/ffa/spmc/interrupts.c:287", 6, INTERRUPTS),
    Repair(
        "init-chain-keeps-interrupt",
        "1x2-signalled",
        "assert src/ffa/spmc/interrupts.c:324",
        7,
        ("sp_requests", *INTERRUPTS),
    ),
    Repair(
        "run-gives-mode",
        "1x2-signalled",
        "panic src/ffa/spmc/interrupts.c:546",
        13,
        ("sp_errors", "sp_requests", "sp_yields", "non_secure_interrupts"),
    ),
    Repair(
        "wait-ends-managed-exit",
        "1x2-managed-exit",
        "panic src/api.c:3261",
        16,
        ("sp_requests", "non_secure_interrupts", *INTERRUPTS),
    ),
    Repair("unlock-once", "2x1-up", "P45a", 3),
    Repair(
        "open-callee-denies-leaving",
        "1x2",
        "assert src/ffa/spmc/cpu_cycles.c:169",
        11,
        ("sp_requests", "sp_yields", *INTERRUPTS),
    ),
    Repair("open-callee-denies-requests", "1x3", "P32b", 15, ("sp_requests", "sp_yields")),
    Repair(
        "preemption-keeps-link",
        "2x2-up",
        "X08",
        18,
        ("secondary_cpus", "sp_requests", "non_secure_interrupts", *INTERRUPTS),
    ),
    Repair("return-to-blocked-only", "1x2", "panic src/api.c:3303", 13, ("sp_errors", "sp_requests", "sp_yields")),
    Repair("resumed-takes-registers", "1x2", "P21", 7, ("sp_requests",)),
    Repair(
        "spmc-mode-not-intercepted",
        "1x2",
        "panic src/ffa/spmc/cpu_cycles.c:450",
        12,
        ("sp_runs", "sp_requests", *INTERRUPTS),
    ),
    Repair("response-locks-both-first", "2x1-up", "P28", 10, granularity=SECTION),
    Repair("caller-decides-checks", "1x2-el0", "assert src/ffa/spmc/cpu_cycles.c:735", 7, ("el3_requests",)),
    Repair("request-tells-aborted", "2x1-mp-silent", "P47", 9, ("sp_aborts",)),
    Repair("error-refuses-other-world", "2x1-up", "P13", 5, ("nwd_error",)),
    Repair("failed-init-is-aborted", "1x2", "P10", 3, ("sp_errors",)),
    Repair("abort-answers-request", "1x2", "X16", 7, ("sp_aborts", "sp_requests")),
    Repair("abort-resumes-caller", "1x2", "X16", 7, ("sp_aborts", "sp_requests")),
    Repair(
        "abort-unlinks-callee", "1x2", "panic src/api.c:1523", 19, ("sp_runs", "sp_requests", "sp_yields", "sp_aborts")
    ),
    Repair("abort-resumes-preempted", "1x2", "P33", 9, ("sp_aborts", *INTERRUPTS)),
    Repair("abort-ends-handling", "1x2", "P33", 9, ("sp_aborts", *INTERRUPTS)),
    Repair("abort-boots-next", "2x1-mp", "P40b", 6, ("secondary_cpus", "cpu_off", "sp_aborts")),
    Repair("abort-unmasks", "2x1-up", "X09", 5, ("sp_aborts", *INTERRUPTS), given=("saved-mask-starts-open",)),
    Repair("saved-mask-starts-open", "2x1-mp", "X20", 6, ("secondary_cpus", "cpu_off")),
    Repair(
        "abort-resets-mode",
        "2x2",
        "panic src/ffa/spmc/cpu_cycles.c:348",
        15,
        ("secondary_cpus", "cpu_off", "sp_aborts"),
    ),
    Repair("abort-locks-both-first", "2x1-up", "P01", 4, ("sp_aborts",), granularity=SECTION),
    Repair("boot-skips-aborting", "2x1-mp-silent", "P02", 5, ("secondary_cpus", "sp_errors")),
    Repair(
        "boot-skips-booted", "2x1-up", "panic src/arch/aarch64/plat/psci/spmc.c:151", 7, ("secondary_cpus", "cpu_off")
    ),
    Repair(
        "resume-skips-booted", "2x1-up", "panic src/arch/aarch64/plat/psci/spmc.c:151", 7, ("secondary_cpus", "cpu_off")
    ),
    Repair("boot-skips-unloaded", "1x2-el0", "P14", 2, ("load_failures",)),
    Repair("boot-releases-current", "1x2", "P44", 3),
    Repair("boot-holds-vm-lock", "2x1-up", "P15", 2, granularity=SECTION),
    Repair("cpu-off-asks-the-ready", "2x1-mp", "P05", 6, ("secondary_cpus", "cpu_off", "sp_errors")),
    Repair("cpu-off-saves-mask", "2x1-mp", "X20", 6, ("secondary_cpus", "cpu_off")),
    Repair("off-when-all-agree", "2x2-mp-both", "P40a", 10, ("secondary_cpus", "cpu_off")),
    Repair("off-resets-vcpu", "2x1-mp-silent", "X11", 13, ("secondary_cpus", "cpu_off", "non_secure_interrupts")),
    Repair("prepare-restores-init", "hypervisor-2x1", "assert src/api.c:1347", 11),
    Repair("first-run-on-any-cpu", "hypervisor-2x1", "P14", 6, ("secondary_cpus",)),
    Repair("first-run-on-primary-cpu", "hypervisor-2x1", "P14", 6, ("secondary_cpus",)),
    Repair("primary-runs-from-boot", "hypervisor-2x1", "P15", 3),
)


@pytest.mark.parametrize("repair", REPAIRS, ids=str)
def test_fix_repairs_its_finding(repair: Repair) -> None:
    given = dict.fromkeys(repair.given, "fixed")
    assert repair.is_broken(Variants.of(given))
    assert not repair.is_broken(Variants.of({**given, repair.fix: "fixed"}))


def test_every_fix_is_tried() -> None:
    assert {repair.fix for repair in REPAIRS} == {fix.name for fix in FIXES}


def test_fixes_decide_where_they_say() -> None:
    """Each function of model/operations that asks for a fix is one of its places, and each place asks."""
    asking: dict[str, set[str]] = {}
    for path in Path(model.operations.__path__[0]).glob("*.py"):
        for function in re.split(r"(?m)^(?=def )", path.read_text(encoding="utf-8"))[1:]:
            name = function[len("def ") : function.index("(")]
            for fix in re.findall(r'chosen\(\s*"([a-z-]+)"', function):
                asking.setdefault(fix, set()).add(name)
    for fix in FIXES:
        assert asking.get(fix.name) == set(fix.places), fix.name
