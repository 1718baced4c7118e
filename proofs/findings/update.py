"""Renew `expected.toml` from results, keeping the finding of every known violation.

A maintainer's tool: `python -m proofs.findings.update RESULTS.json`. A new violation gets the finding that explains the
same violation on the other topologies, if they agree on one, or else `UNASSIGNED`, which `prove-all` refuses; it says
which violations are new, for someone to look at.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path

import msgspec

from proofs.findings import Expectation, Key
from proofs.results import read_results
from proofs.verdicts import Verdict
from properties.catalogue import CATALOGUE

UNASSIGNED = "UNASSIGNED"


def renewed(text: str, results: Path) -> tuple[str, list[Expectation]]:
    """`expected.toml` renewed by a results file, and what is new in it.

    What the results do not decide keeps its entries; properties that are no longer in the catalogue lose them.
    """
    known = {_key(item): item for item in msgspec.convert(tomllib.loads(text)["violation"], list[Expectation])}
    contents = [item for item in read_results(results).results if item.property in CATALOGUE]
    decided = {(item.property, item.topology) for item in contents}
    entries = {key: item for key, item in known.items() if key[:2] not in decided and item.property in CATALOGUE}
    new = []
    for item in contents:
        if item.verdict is Verdict.VIOLATED:
            found: dict[str, int | None] = {check.check: check.length for check in item.failing_checks}
            for check, length in (found or {"": item.depth}).items():
                key = (item.property, item.topology, check)
                finding = known[key].finding if key in known else _explained_elsewhere(known, key)
                entries[key] = Expectation(item.property, item.topology, finding, length, check)
                if key not in known:
                    new.append(entries[key])
    return "\n".join(_blocks(entries)), new


def _key(item: Expectation) -> Key:
    return item.property, item.topology, item.check


def _explained_elsewhere(known: Mapping[Key, Expectation], key: Key) -> str:
    """The finding of the same violation on all other topologies where it is known."""
    candidates = {item.finding for item in known.values() if (item.property, item.check) == (key[0], key[2])}
    return candidates.pop() if len(candidates) == 1 else UNASSIGNED


def _blocks(entries: Mapping[Key, Expectation]) -> Iterator[str]:
    yield "# Known violations; renewed by `python -m proofs.findings.update RESULTS.json`.\n"
    for _, item in sorted(entries.items()):
        lines = [
            "[[violation]]",
            f'property = "{item.property}"',
            f'topology = "{item.topology}"',
            f'finding = "{item.finding}"',
        ]
        if item.length is not None:
            lines.append(f"length = {item.length}")
        if item.check:
            lines.append(f'check = "{item.check}"')
        yield "\n".join(lines) + "\n"


def main(results: Path) -> None:
    """Renew `expected.toml`, and tell what is new."""
    target = Path(str(files("proofs.findings") / "expected.toml"))
    text, new = renewed(target.read_text(encoding="utf-8"), results)
    target.write_text(text, encoding="utf-8")
    for item in new:
        check = f", {item.check}" if item.check else ""
        sys.stderr.write(f"new: {item.property} on {item.topology}{check}: {item.finding}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
