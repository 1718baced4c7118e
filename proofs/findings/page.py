"""docs/findings.md, as text: `python -m proofs.findings.page` writes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from model.source import UPSTREAM_COMMIT, UPSTREAM_URL
from proofs.findings import Finding, expectations, findings, shortest

PAGE = Path(__file__).parents[2] / "docs" / "findings.md"
_INTRODUCTION = f"""\
# Findings

What the proofs found in Hafnium at upstream commit {UPSTREAM_COMMIT}. Each finding is one cause in the C code;
`lifecycle trace show FINDING` prints its shortest execution. The severity is `high` if the system stops, two CPUs get
into each other's way or an aborted partition runs, without much help; `low` if nothing was found to come of it, or if
the violated property is stricter than what Hafnium intends, as the text says then.

This page is written by `python -m proofs.findings.page`.
"""


def text() -> str:
    """The page."""
    return "\n".join([_INTRODUCTION, *_table(), *(_section(finding) for finding in findings().values())])


def _table() -> Iterator[str]:
    yield "| finding | title | kind | severity | shortest execution | properties |"
    yield "|---|---|---|---|---|---|"
    for finding in findings().values():
        known = shortest(finding.id)
        execution = f"{known.length} steps ({known.property}, {known.topology})" if known else "-"
        properties = ", ".join(
            sorted({item.property for item in expectations().values() if item.finding == finding.id})
        )
        link = f"[{finding.id}](#{finding.id.lower()})"
        yield f"| {link} | {finding.title} | {finding.kind} | {finding.severity} | {execution} | {properties} |"
    yield ""


def _section(finding: Finding) -> str:
    return f"""\
## <a id="{finding.id.lower()}"></a>{finding.id}: {finding.title}

*{finding.kind}, severity {finding.severity}*

**What happens.** {finding.happens}

**Cause.** {finding.cause}

**What it takes.** {finding.requires}

**Sources.** {", ".join(_link(source) for source in finding.sources)}

**Fix.** {finding.fix}
"""


def _link(source: str) -> str:
    """A link to a line of the upstream source, from `file:line function`."""
    place, function = source.split(" ", 1)
    file, line = place.split(":")
    return f"[{place}]({UPSTREAM_URL}/{file}#{line}) ({function})"


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
