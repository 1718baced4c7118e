"""Deciding obligations: every engine has its place, and no verdict says more than was shown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model.environment import DEFAULT
from model.topology import BUILT_IN
from proofs.configurations import MILLIONS, Configuration
from proofs.obligations import Task, decide, plan
from proofs.verdicts import Obligation, Result, Verdict
from properties.catalogue import CATALOGUE


def decided(configuration: Configuration, *properties: str, depth: int | None = None) -> dict[str, Result]:
    """The results for properties on a configuration."""
    obligations = tuple(Obligation(name, configuration.topology.name) for name in properties)
    task = Task(configuration.topology.name, configuration, (), obligations, depth, 0)
    return {result.obligation.property: result for result in decide(task)}


def test_an_exhausted_system_decides_everything() -> None:
    exhausted = Configuration(BUILT_IN["2x1-mp-silent"], MILLIONS, MILLIONS, exhausts=True)
    results = decided(exhausted, "P01", "P06", "P46", "P48.vcpu.WAITING-OFF", "P48.vcpu.STOPPED-OFF")
    assert {name: result.verdict for name, result in results.items()} == {
        "P01": Verdict.VIOLATED,
        "P06": Verdict.PROVED,
        "P46": Verdict.PROVED,
        "P48.vcpu.WAITING-OFF": Verdict.PROVED,
        "P48.vcpu.STOPPED-OFF": Verdict.VIOLATED,
    }
    assert results["P01"].evidence.depth == len(results["P01"].evidence.trace) == 5
    assert results["P06"].evidence.witness is not None


def test_what_is_searched_only_in_part_is_proved_by_induction() -> None:
    results = decided(Configuration(BUILT_IN["2x1-mp-silent"], 1_000, 1_000), "P06", "P11", "P12")
    assert {result.verdict for result in results.values()} == {Verdict.PROVED}
    assert all("induction" in result.evidence.method for result in results.values())


def test_a_hunt_proves_nothing_by_induction() -> None:
    hunt = Configuration(BUILT_IN["2x1-mp-silent"], 1_000, 1_000, hunts=True)
    assert {name: result.verdict for name, result in decided(hunt, "P01", "P06").items()} == {
        "P01": Verdict.VIOLATED,
        "P06": Verdict.BOUNDED,
    }
    assert hunt.decides(CATALOGUE["P06"])
    assert not hunt.decides(CATALOGUE["P14.r2"])


def test_a_configuration_has_an_environment_of_its_own() -> None:
    exhausted = Configuration(BUILT_IN["2x1-up"], MILLIONS, MILLIONS, exhausts=True)
    without_error = replace(exhausted, assume=DEFAULT.without("nwd_error"))
    assert decided(exhausted, "P13")["P13"].verdict is Verdict.VIOLATED
    assert decided(without_error, "P13")["P13"].verdict is Verdict.PROVED


@pytest.mark.parametrize(("depth", "verdict", "found"), [(3, Verdict.BOUNDED, 3), (8, Verdict.VIOLATED, 4)])
def test_bounded_model_checking_goes_on_where_the_search_gave_up(depth: int, verdict: Verdict, found: int) -> None:
    result = decided(Configuration(BUILT_IN["2x1-mp-silent"], 1, 1), "P01", depth=depth)["P01"]
    assert (result.verdict, result.evidence.depth) == (verdict, found)
    assert "bounded model checking" in result.evidence.method


def test_a_property_is_planned_only_where_it_says_something() -> None:
    planned = {(o.property, o.topology) for task in plan(None, None, None, 0) for o in task.obligations}
    assert ("P17", "hypervisor-2x1") in planned
    assert ("P17", "1x2") in planned
    assert len(planned) == sum(len(task.obligations) for task in plan(None, None, None, 0))
