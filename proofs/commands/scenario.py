"""`lifecycle scenario`: run scenario files on the model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from proofs.exit_codes import CommandError, ExitCode
from proofs.scenarios.execution import Execution, execute
from proofs.scenarios.format import Scenario, ScenarioError, read_scenario


def scenario(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="Scenarios (docs/scenarios.md)."),
    ],
) -> None:
    """Run scenarios on the model, and stop each at its first step that is not as expected.

    Every scenario is run by both readings of the model.
    Exit codes: 0 everything as expected, 10 some scenario deviates, 2 wrong usage, 3 malformed input.
    """
    try:
        scenarios = [read_scenario(file) for file in files]
    except ScenarioError as error:
        raise CommandError(ExitCode.INPUT, str(error)) from error
    deviating = 0
    for one in scenarios:
        execution = execute(one)
        _print(one, execution)
        deviating += execution.deviation is not None
    typer.echo(f"{len(scenarios)} scenarios: {len(scenarios) - deviating} as expected, {deviating} deviate")
    raise typer.Exit(ExitCode.DEVIATION if deviating else ExitCode.AS_EXPECTED)


def _print(one: Scenario, execution: Execution) -> None:
    typer.echo(f"{one.path}: {one.title}")
    for step in execution.steps:
        typer.echo(f"{step.number or 'boot':>5}  {step}")
    deviation = execution.deviation
    if deviation is not None:
        place = f"step {execution.steps[-1].number}" if execution.steps[-1].number else "boot"
        difference = f"expected {deviation.expected}, actual {deviation.actual}"
        typer.echo(f"{one.path}: {place}: {deviation.what}: {difference}")
