"""`prove-all`: decide every obligation, show what is known and how, and compare it with what is expected."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from proofs.commands.choices import choose_properties, choose_topologies, choose_variants
from proofs.commands.progress import progress
from proofs.commands.report import print_report
from proofs.exit_codes import CommandError, ExitCode, code_of, most_severe
from proofs.files import check_writable
from proofs.junit import write_junit
from proofs.results import CommandOptions, results_file, write_results
from proofs.runner import run

PLAIN_WIDTH = 160
"""Columns of output that does not go to a terminal."""

EXAMPLE = "Example: prove-all --property P01 --topology 2x2 --json results.json"
EXIT_CODES = "Exit codes, the most severe wins: " + ", ".join(f"{code:d} {code.text}" for code in ExitCode)


def prove_all(
    list_only: Annotated[
        bool,
        typer.Option("--list", help="Print the obligations, one per line: property, topology, variant, granularity."),
    ] = False,
    properties: Annotated[
        list[str] | None, typer.Option("--property", metavar="ID", help="Only this property; may be repeated.")
    ] = None,
    topologies: Annotated[
        list[str] | None,
        typer.Option(
            "--topology",
            metavar="NAME|FILE.toml",
            help="This built-in topology, or the one a file describes, instead of the default ones; may be repeated.",
        ),
    ] = None,
    variants: Annotated[
        list[str] | None,
        typer.Option("--variant", metavar="NAME=VALUE", help="A variant, as revision=before; may be repeated."),
    ] = None,
    depth: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="How many steps bounded checks look ahead.")
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", min=1, metavar="N", help="Worker processes.  [default: one per CPU]"),
    ] = None,
    timeout: Annotated[
        int, typer.Option(min=1, metavar="SECONDS", help="How long one obligation may take before it is given up.")
    ] = 600,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="The solver's random seed.")] = 0,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write all evidence, as JSON.")
    ] = None,
    junit_file: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write a JUnit report for a CI server.")
    ] = None,
) -> None:
    """Prove or refute every property of the patch, and say whether that is what was expected.

    Prints a table of verdicts, the finding behind each violation, and everything that deviates from what is
    expected. PROVED holds for executions of any length, BOUNDED(k) for those of k steps.
    """
    from proofs import findings, obligations  # not above: they load the solver, which --help need not wait for

    options = CommandOptions(
        properties=tuple(properties or ()),
        topologies=tuple(topologies or ()),
        variants=tuple(variants or ()),
        depth=depth,
        jobs=jobs or os.cpu_count() or 1,
        timeout=timeout,
    )
    chosen_variants = choose_variants(options.variants)
    _check_output_files(json_file, junit_file)
    tasks = obligations.plan(
        choose_topologies(options.topologies),
        choose_properties(options.properties, obligations.known_properties()),
        depth,
        seed,
        chosen_variants,
    )
    planned = [obligation for task in tasks for obligation in task.obligations]
    if not planned:
        raise CommandError(ExitCode.USAGE, "no chosen property applies to a chosen topology; choose more of either")
    if list_only:
        for obligation in planned:
            typer.echo(f"{obligation.property} {obligation.topology} {obligation.variant} {obligation.granularity}")
        return
    with progress(_console(stderr=True), len(planned)) as on_result:
        outcome = run(tasks, obligations.decide, options.jobs, options.timeout, on_result)
    results = findings.judge(outcome.results)
    print_report(_console(stderr=False), results, findings.titles())
    if outcome.interrupted:
        raise CommandError(ExitCode.INTERRUPTED, "interrupted; no results file was written")
    if json_file:
        write_results(json_file, results_file(results, options, seed))
    if junit_file:
        write_junit(junit_file, results)
    raise typer.Exit(most_severe(code_of(result) for result in results))


def _check_output_files(json_file: Path | None, junit_file: Path | None) -> None:
    if json_file and junit_file and json_file.resolve() == junit_file.resolve():
        raise CommandError(ExitCode.USAGE, "--json and --junit name the same file; name two")
    for path in filter(None, (json_file, junit_file)):
        check_writable(path)


def _console(stderr: bool) -> Console:
    is_terminal = (sys.stderr if stderr else sys.stdout).isatty()
    width = None if is_terminal else PLAIN_WIDTH
    return Console(stderr=stderr, width=width, markup=False, highlight=False, emoji=False)
