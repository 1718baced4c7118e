"""The command `lifecycle`, with one subcommand for each task, and `prove-all` as a command of its own."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Annotated, NoReturn

import typer

from model.source import UPSTREAM_COMMIT
from proofs.commands.explore import explore
from proofs.commands.hunks import hunks
from proofs.commands.machines import machines
from proofs.commands.prove_all import EXAMPLE, EXIT_CODES, prove_all
from proofs.commands.reports import ambiguities, fixes, patch_review, reports
from proofs.commands.scenario import scenario
from proofs.commands.trace import trace_app
from proofs.commands.vectors import vectors
from proofs.exit_codes import CommandError, ExitCode
from proofs.version import VERSION

SETTINGS = {"help_option_names": ["-h", "--help"]}

app = typer.Typer(
    add_completion=False,
    context_settings=SETTINGS,
    rich_markup_mode="markdown",
    invoke_without_command=True,
    epilog="Example: lifecycle prove-all --topology 2x2",
)
prove_all_app = typer.Typer(add_completion=False, context_settings=SETTINGS, rich_markup_mode="markdown")


@app.callback()
def lifecycle(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and the modelled commit.")] = False,
) -> None:
    """Proofs about the lifecycle of VMs and vCPUs in Hafnium, the reference SPMC of Arm's FF-A.

    Every subcommand explains itself with --help.
    """
    if version:
        typer.echo(f"hafnium-lifecycle-proofs {VERSION}, Hafnium at {UPSTREAM_COMMIT}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


for group in (app, prove_all_app):
    group.command("prove-all", epilog=f"{EXAMPLE}\n\n{EXIT_CODES}")(prove_all)
app.command("ambiguities", epilog="Example: lifecycle ambiguities stopped-busy")(ambiguities)
app.command("explore", epilog="Example: lifecycle explore --topology 1x2 --script steps.txt")(explore)
app.command("fixes", epilog="Example: lifecycle fixes --format html -o fixes.html")(fixes)
app.command("hunks", epilog="Example: lifecycle hunks --check")(hunks)
app.command("machines", epilog="Example: lifecycle machines --format svg -o machines.svg")(machines)
app.command("patch-review", epilog="Example: lifecycle patch-review --format gerrit")(patch_review)
app.command("reports", epilog="Example: lifecycle reports --check")(reports)
app.command("scenario", epilog="Example: lifecycle scenario tests/scenarios/*.toml")(scenario)
app.command("vectors", epilog="Example: lifecycle vectors recorded.jsonl.gz --json disagreements.json")(vectors)
app.add_typer(trace_app, name="trace")


def main() -> NoReturn:
    """The command `lifecycle`."""
    _run(app, "lifecycle")


def prove_all_main() -> NoReturn:
    """The command `prove-all`."""
    _run(prove_all_app, "prove-all")


def _run(application: typer.Typer, name: str) -> NoReturn:
    """Run a command line; end with a documented exit code and, if it went wrong, one sentence on stderr."""
    try:
        code = typer.main.get_command(application).main(prog_name=name, standalone_mode=False)
        if code == ExitCode.INTERRUPTED:
            raise KeyboardInterrupt
        sys.exit(code or ExitCode.AS_EXPECTED)
    except CommandError as error:
        _end(name, error.code, str(error))
    except typer.exceptions.TyperException as error:
        _end(name, ExitCode.USAGE, f"{error.format_message()} (see '{name} --help')")
    except KeyboardInterrupt:
        _end(name, ExitCode.INTERRUPTED, "interrupted")
    except Exception as error:  # noqa: BLE001  no user ever sees a traceback unasked
        if "LIFECYCLE_TRACEBACK" in os.environ:
            traceback.print_exc()
        what = f"{type(error).__name__}: {error}"
        advice = "please report it, with the traceback that the same command prints under LIFECYCLE_TRACEBACK=1"
        _end(name, ExitCode.INTERNAL, f"internal error, {what}; {advice}")


def _end(name: str, code: ExitCode, sentence: str) -> NoReturn:
    typer.echo(f"{name}: {sentence}", err=True)
    sys.exit(code)
