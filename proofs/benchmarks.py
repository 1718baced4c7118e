"""Speed, measured in one run: `make bench`.  Prints seconds, and ratios to the speed goals."""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from model.environment import DEFAULT
from model.exploration import Granularity, build_relation
from model.topology import BUILT_IN
from proofs.engines.explicit import ExplicitSearch
from proofs.engines.successors import Successors
from properties.catalogue import CATALOGUE

P02 = "P02"


def measure(action: Callable[[], object]) -> float:
    """How many seconds an action takes."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def shortest_counterexample() -> None:
    """Find the shortest violation of P02 on two CPUs and two SPs."""
    relation = build_relation(BUILT_IN["2x2"], DEFAULT)
    space = ExplicitSearch(Successors(relation), [CATALOGUE[P02]], 100_000).run()
    assert P02 in space.violations, "the benchmark measures nothing: no violation was found"


def explicit_search() -> None:
    """Exhaust one MP SP on two CPUs, every window."""
    relation = build_relation(BUILT_IN["2x1-mp"], DEFAULT, Granularity.SECTION)
    ExplicitSearch(Successors(relation), [], 1_000_000).run()


BENCHMARKS: tuple[tuple[str, float, Callable[[], object]], ...] = (
    ("relation 2x2", 1.0, lambda: build_relation(BUILT_IN["2x2"], DEFAULT)),
    ("relation 2x2, every window", 1.0, lambda: build_relation(BUILT_IN["2x2"], DEFAULT, Granularity.SECTION)),
    ("relation 2x3", 3.0, lambda: build_relation(BUILT_IN["2x3"], DEFAULT)),
    ("shortest counterexample of P02, 2x2", 10.0, shortest_counterexample),
    ("explicit search 2x1-mp, every window", 30.0, explicit_search),
)


def main() -> None:
    """Run every benchmark and print a table."""
    table = Table("benchmark", "seconds", "goal", "ratio")
    for name, goal, action in BENCHMARKS:
        seconds = measure(action)
        table.add_row(name, f"{seconds:.2f}", f"{goal:.0f}", f"{seconds / goal:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
