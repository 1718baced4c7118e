"""What `prove-all` prints when all is decided: the table, the violations, the deviations, the summary."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from proofs.exit_codes import ExitCode, code_of
from proofs.verdicts import Obligation, Result, Verdict

_STYLES = {Verdict.PROVED: "green", Verdict.BOUNDED: "cyan", Verdict.VIOLATED: "yellow"}


def print_report(console: Console, results: Sequence[Result], titles: Mapping[str, str]) -> None:
    """Print everything about judged results; `titles` are those of the findings, by id."""
    deviations = [result for result in results if code_of(result) is not ExitCode.AS_EXPECTED]
    violations = [r for r in results if r.verdict is Verdict.VIOLATED and code_of(r) is ExitCode.AS_EXPECTED]
    console.print(_table(results))
    _print_violations(console, violations, titles)
    _print_deviations(console, deviations, titles)
    console.print(_summary(results, len(deviations)), soft_wrap=True)


def configuration(obligation: Obligation) -> str:
    """Topology, granularity and, where it is not the default one, variant."""
    variant = "" if obligation.variant == "default" else f" {obligation.variant}"
    return f"{obligation.topology} {obligation.granularity}{variant}"


def _table(results: Iterable[Result]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("property", "configuration", "verdict"):
        table.add_column(heading, no_wrap=True)
    table.add_column("how it is known", overflow="fold")
    table.add_column("time", justify="right", no_wrap=True)
    table.add_column("finding")
    for result in results:
        as_expected = code_of(result) is ExitCode.AS_EXPECTED
        style = _STYLES[result.verdict] if as_expected else "bold red"
        table.add_row(
            result.obligation.property,
            configuration(result.obligation),
            Text(result.verdict_text() + ("" if as_expected else " !"), style),
            _how_it_is_known(result),
            f"{result.evidence.seconds:.1f} s",
            result.finding or "",
        )
    return table


def _how_it_is_known(result: Result) -> str:
    evidence = result.evidence
    facts = [evidence.method]
    if evidence.invariant:
        facts.append(f"invariant {evidence.invariant}")
    if result.verdict is Verdict.VIOLATED and evidence.depth is not None:
        facts.append(f"{evidence.depth} steps")
    if evidence.states is not None:
        facts.append(f"{evidence.states} states")
    return ", ".join(facts)


def _print_violations(console: Console, violations: Iterable[Result], titles: Mapping[str, str]) -> None:
    """Each property and finding once, whatever the number of configurations, with the shortest execution."""
    groups: defaultdict[tuple[str, str], list[Result]] = defaultdict(list)
    for result in violations:
        groups[result.obligation.property, result.finding or ""].append(result)
    if not groups:
        return
    console.print("Violated, as expected:")
    for (property_id, _), group in groups.items():
        shortest = min(group, key=lambda result: result.evidence.depth or 0)
        places = ", ".join(configuration(result.obligation) for result in group)
        console.print(f"  {property_id} on {places}", style="bold", soft_wrap=True)
        for line in _finding_lines(shortest, titles):
            console.print(f"    {line}", soft_wrap=True)
        _print_trace(console, shortest)
    console.print()


def _finding_lines(result: Result, titles: Mapping[str, str]) -> list[str]:
    """The findings that explain a violation; by failing check, where they are told apart by it."""
    if result.findings:
        return [
            f"{finding}, {titles.get(finding, '')}: {check} ({len(result.evidence.causes[check])} steps)"
            for check, finding in result.findings.items()
        ]
    return [f"{result.finding}, {titles.get(result.finding or '', '')}"]


def _print_deviations(console: Console, deviations: Iterable[Result], titles: Mapping[str, str]) -> None:
    for result in deviations:
        heading = f"{result.obligation.property} on {configuration(result.obligation)}: {result.verdict_text()}"
        console.print(f"NOT AS EXPECTED: {heading}", style="bold red", soft_wrap=True)
        found = _finding_lines(result, titles) if result.finding else []
        for line in filter(None, (result.explanation, result.evidence.detail, *found)):
            console.print(f"  {line}", soft_wrap=True)
        _print_trace(console, result)
        console.print()


def _print_trace(console: Console, result: Result) -> None:
    if result.evidence.trace is not None:
        for line in result.evidence.trace.summary_lines():
            console.print(f"    {line}", soft_wrap=True)


def _summary(results: Sequence[Result], deviations: int) -> str:
    counts = Counter(result.verdict for result in results)
    verdicts = ", ".join(f"{counts[verdict]} {verdict.value}" for verdict in Verdict if counts[verdict])
    ending = f"{deviations} NOT as expected" if deviations else "all as expected"
    return f"{len(results)} obligations: {verdicts}; {ending}"
