"""`lifecycle explore`: execute the model step by step, from the command line or from a script."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group

from model.exploration import Granularity
from proofs.commands.choices import choose_topologies
from proofs.commands.trace import compile_watches, print_out, trace_named
from proofs.configurations import configuration_of
from proofs.exit_codes import CommandError, ExitCode
from proofs.files import write_atomically
from proofs.scenarios.exploration import explored
from proofs.scenarios.format import ScenarioError, read_scenario
from proofs.traces.exploration import Exploration, Possibility
from proofs.traces.file_format import encode
from proofs.traces.text import View, path_lines, render, render_state
from proofs.traces.watch import Watch
from proofs.traces.words import step_text

TOPOLOGY = "2x1-up"

HELP = """\
list [WORD ...]  what can happen next, with the outcome; only lines that hold every WORD
take N | WORD    let possibility N happen, or the only one whose line holds the words
back [N]         undo the last step, or N of them
path             the path that the last step took through the C code
state            every field of this state
watch EXPR       evaluate EXPR now and after every step, such as: vcpu 0x8001.0 state
check            the properties that do not hold here
show             the execution so far
save FILE        write the execution as a trace file
help             this text
quit             the end (also: the end of the input)
"""


def explore(
    topology: Annotated[
        str | None, typer.Option(metavar="NAME|FILE.toml", help=f"The topology to boot.  [default: {TOPOLOGY}]")
    ] = None,
    granularity: Annotated[
        Granularity, typer.Option(help="Whether CPUs interleave between operations only, or at every window.")
    ] = Granularity.SECTION,
    start: Annotated[
        str | None, typer.Option("--from", metavar="TRACE|FINDING", help="Start in a state of this trace instead.")
    ] = None,
    scenario: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, metavar="FILE", help="Start after the steps of this scenario."),
    ] = None,
    step: Annotated[
        int | None,
        typer.Option(
            "--step", "--at", min=0, metavar="N", help="With --from or --scenario: after N steps.  [default: its end]"
        ),
    ] = None,
    script: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, metavar="FILE", help="Read the commands from a file.")
    ] = None,
) -> None:
    """Execute the model step by step: list what each CPU can do next, take it, go back, save a trace.

    Reads commands, one per line, from standard input; "help" lists them. A command that cannot be carried out
    ends a script with exit code 2; at a terminal it only says so. Exit code 3: a malformed trace or scenario.
    """
    if [topology, start, scenario].count(None) < 2:
        raise CommandError(ExitCode.USAGE, "--topology, --from and --scenario exclude each other; keep one")
    if step is not None and start is None and scenario is None:
        raise CommandError(ExitCode.USAGE, "--step counts the steps of what --from or --scenario names; name it")
    if start is not None:
        exploration = _in_trace(start, step)
    elif scenario is not None:
        exploration = _in_scenario(scenario, step, granularity)
    else:
        chosen = (choose_topologies([topology or TOPOLOGY]) or [])[0]
        exploration = Exploration(chosen, configuration_of(chosen).assume, granularity.value)
    interpreter = Interpreter(exploration)
    interactive = script is None and sys.stdin.isatty()
    for number, line in enumerate(_lines(script, interactive), 1):
        try:
            if not interpreter.obey(line):
                return
        except CommandError as error:
            if not interactive:
                place = script or "standard input"
                raise CommandError(error.code, f"{place}:{number}: {error}") from error
            typer.echo(f"explore: {error}", err=True)


def _in_trace(start: str, step: int | None) -> Exploration:
    trace = trace_named(start)
    if step is not None and step > len(trace):
        raise CommandError(ExitCode.USAGE, f"--step {step}: the trace has only {len(trace)} steps")
    return Exploration.of(trace, len(trace) if step is None else step)


def _in_scenario(file: Path, step: int | None, granularity: Granularity) -> Exploration:
    try:
        scenario = read_scenario(file)
        if step is not None and step > len(scenario.steps):
            raise CommandError(ExitCode.USAGE, f"--step {step}: the scenario has only {len(scenario.steps)} steps")
        return explored(scenario, step, granularity)
    except ScenarioError as error:
        raise CommandError(ExitCode.INPUT, str(error)) from error


def _lines(script: Path | None, interactive: bool) -> Iterator[str]:
    if script is not None:
        yield from script.read_text(encoding="utf-8", errors="replace").splitlines()
        return
    while True:
        if interactive:
            typer.echo("> ", nl=False)
        line = sys.stdin.readline()
        if not line:
            return
        yield line


class Interpreter:
    """An exploration, the expressions it watches, and the commands that drive it."""

    def __init__(self, exploration: Exploration):
        self._exploration = exploration
        self._watches: list[Watch] = []
        self._possible: list[Possibility] | None = None
        self._commands: dict[str, Callable[[list[str]], None]] = {
            "list": self._list,
            "take": self._take,
            "back": self._back,
            "path": self._path,
            "state": self._state,
            "watch": self._watch,
            "check": self._check,
            "show": self._show,
            "save": self._save,
            "help": lambda words: typer.echo(HELP.rstrip()),
        }

    def obey(self, line: str) -> bool:
        """Carry out one line; False after `quit`.  Raises CommandError if it cannot be carried out."""
        words = line.partition("#")[0].split()
        if not words:
            return True
        if words[0] == "quit":
            return False
        command = self._commands.get(words[0])
        if command is None:
            raise _wrong(f"unknown command '{words[0]}'; known: {', '.join((*self._commands, 'quit'))}")
        command(words[1:])
        return True

    def _possibilities(self) -> list[tuple[int, Possibility, str]]:
        if self._possible is None:
            self._possible = self._exploration.possibilities()
        spmc = self._exploration.trace.is_spmc
        return [(n, item, step_text(item.step, spmc)) for n, item in enumerate(self._possible, 1)]

    def _matching(self, words: Iterable[str]) -> list[tuple[int, Possibility, str]]:
        wanted = [word.lower() for word in words]
        return [entry for entry in self._possibilities() if all(word in entry[2].lower() for word in wanted)]

    def _list(self, words: list[str]) -> None:
        found = self._matching(words)
        for number, _, text in found:
            typer.echo(f"{number:3}  {text}")
        if not found:
            typer.echo("nothing can happen" + (" that holds these words" if words else ""))

    def _take(self, words: list[str]) -> None:
        found = self._matching(words)
        if len(words) == 1 and words[0].isdecimal():
            found = [entry for entry in self._possibilities() if entry[0] == int(words[0])]
        if not words:
            raise _wrong("'take' needs the number of a possibility or words of its line; 'list' shows them")
        if len(found) != 1:
            raise _wrong(f"'take {' '.join(words)}' fits {len(found)} possibilities, not one; 'list' numbers them")
        step = self._exploration.take(found[0][1].action)
        self._possible = None
        typer.echo(f"step {len(self._exploration)}: {found[0][2]}")
        for change in step.changes:
            typer.echo(f"    {change}")
        self._print_watches(self._watches)

    def _back(self, words: list[str]) -> None:
        count = int(words[0]) if words and words[0].isdecimal() else 1
        if count > len(self._exploration):
            raise _wrong(f"only {len(self._exploration)} steps can be undone")
        for _ in range(count):
            self._exploration.back()
        self._possible = None
        typer.echo(f"after step {len(self._exploration)}")
        self._print_watches(self._watches)

    def _path(self, words: list[str]) -> None:
        if not len(self._exploration):
            raise _wrong("no step was taken yet; 'take' one")
        print_out(Group(*path_lines(self._exploration.trace.steps[-1])))

    def _state(self, words: list[str]) -> None:
        print_out(render_state(self._exploration.trace, len(self._exploration)))

    def _watch(self, words: list[str]) -> None:
        watches = compile_watches(self._exploration.layout, [" ".join(words)])
        self._watches += watches
        self._print_watches(watches)

    def _check(self, words: list[str]) -> None:
        from properties.catalogue import CATALOGUE  # not above: --help need not wait for it

        violated = self._exploration.violated(CATALOGUE.values())
        for item in violated:
            typer.echo(f"{item.property.id} violated, {item.objects or 'the system'}: {item.property.title}")
        if not violated:
            typer.echo("every property of states and steps holds here")

    def _show(self, words: list[str]) -> None:
        print_out(render(self._exploration.trace, View()))

    def _save(self, words: list[str]) -> None:
        if len(words) != 1:
            raise _wrong("'save' needs the name of one file")
        write_atomically(Path(words[0]), encode(self._exploration.trace.to_file()))
        typer.echo(f"{words[0]}: {len(self._exploration)} steps saved")

    def _print_watches(self, watches: Iterable[Watch]) -> None:
        for watch in watches:
            typer.echo(f"    [{watch.text}] = {watch.value(self._exploration.state)}")


def _wrong(message: str) -> CommandError:
    return CommandError(ExitCode.USAGE, message)
