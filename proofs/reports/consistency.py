"""Whether the search of all choices at once says of the C as it is what `prove-all` expects of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from model.exploration import Granularity
from proofs.engines.choices import ChoiceSets
from proofs.findings import expectations
from proofs.reports.settings import Dependence


def contradictions(free: Sequence[str], dependences: Iterable[Dependence]) -> Iterator[str]:
    """What the two disagree about, in words.

    Between whole operations fewer executions are possible, so there only violations that nobody expects count.
    """
    sets = ChoiceSets(free)
    for one in dependences:
        if not one.complete or one.setting.excluded:
            continue
        topology = one.setting.topology
        decided = {item.id for item in one.setting.properties()}
        violated = {name for name, terms in one.violated.items() if sets.contains(sets.union(terms))} & decided
        expected = {item.property for item in expectations().values() if item.topology == topology} & decided
        missing = expected - violated if one.setting.granularity is Granularity.SECTION else set()
        yield from (
            f"{name} is violated on {topology}, but prove-all does not expect it" for name in violated - expected
        )
        yield from (f"{name} is not violated on {topology}, but prove-all expects it" for name in missing)
