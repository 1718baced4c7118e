"""Renew `expected.toml` from results, keeping the finding of every known violation.

A maintainer's tool: `python -m proofs.findings.update RESULTS.json`. New violations get the finding `UNASSIGNED`,
which `prove-all` refuses until someone has looked at them.
"""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path

from proofs.findings import expectations
from proofs.results import read_results
from proofs.verdicts import Verdict


def renewed(path: Path) -> str:
    """The text of `expected.toml` for a results file.  Topologies that it does not decide keep their entries."""
    results = read_results(path)
    decided = {(item.property, item.topology) for item in results.results}
    entries: dict[tuple[str, str, str], tuple[str, int | None]] = {
        key: (item.finding, item.length) for key, item in expectations().items() if key[:2] not in decided
    }
    for item in results.results:
        if item.verdict is not Verdict.VIOLATED:
            continue
        found: dict[str, int | None] = {entry.check: entry.length for entry in item.failing_checks}
        found = found or {"": item.depth}
        for check, length in found.items():
            key = (item.property, item.topology, check)
            known = expectations().get(key)
            entries[key] = (known.finding if known else "UNASSIGNED", length)
    blocks = ["# Known violations; renewed by `python -m proofs.findings.update RESULTS.json`.\n"]
    for (name, topology, check), (finding, length) in sorted(entries.items()):
        lines = ["[[violation]]", f'property = "{name}"', f'topology = "{topology}"', f'finding = "{finding}"']
        if length is not None:
            lines.append(f"length = {length}")
        if check:
            lines.append(f'check = "{check}"')
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


if __name__ == "__main__":
    target = Path(str(files("proofs.findings") / "expected.toml"))
    target.write_text(renewed(Path(sys.argv[1])), encoding="utf-8")
