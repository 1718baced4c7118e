"""The patch review as pages, as a review comment, and as what it expects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from model.patch import HUNKS
from model.topology import BUILT_IN
from model.variants import BEFORE
from proofs.executions import shortest_execution
from proofs.findings import expectations
from proofs.reports.judgements import Judgement, deviations, judgements
from proofs.reports.pages import Files, c_links, page, text_of, trace, traces
from proofs.reports.patch_review import NEW_SUBJECT, BehaviourChange, PropertyChange, TopologyReview
from proofs.reports.wording import side_by_side
from proofs.traces.markdown import markdown_text
from proofs.traces.trace import Trace
from properties.catalogue import CATALOGUE
from properties.language import Property

TEXTS = {hunk.id: hunk for hunk in HUNKS}
ORDER = ("regression", "", "harmless", "intended")
"""Judgements in the order in which changes are shown; those not judged come after the regressions."""


@dataclass(frozen=True, slots=True)
class PropertyStory:
    """A property or check, and on which topologies its verdict changed."""

    id: str
    title: str
    became_false: bool
    topologies: tuple[str, ...]
    hunks: tuple[str, ...]
    findings: tuple[str, ...]
    judgement: Judgement | None
    length: int


def behaviour(reviews: Iterable[TopologyReview]) -> list[BehaviourChange]:
    """The changes of behaviour of all topologies, one of each kind, by its shortest execution."""
    found: dict[str, BehaviourChange] = {}
    for item in (change for review in reviews for change in review.behaviour):
        known = found.setdefault(item.key, item)
        if known is not item:
            shorter = min(known, item, key=lambda change: change.separation.length)
            topologies = dict.fromkeys((*known.topologies, *item.topologies))
            found[item.key] = replace(shorter, topologies=tuple(topologies))
    return sorted(found.values(), key=lambda change: (_rank(change.key), change.separation.length))


def stories(reviews: Iterable[TopologyReview]) -> list[PropertyStory]:
    """The properties and checks whose verdicts changed, those that became false first."""
    groups: defaultdict[tuple[str, bool], list[PropertyChange]] = defaultdict(list)
    for change in (change for review in reviews for change in review.changes):
        groups[change.id, change.became_false].append(change)
    told = [_story(changes) for changes in groups.values()]
    return sorted(told, key=lambda story: (not story.became_false, _rank(story.id), story.id))


def _story(changes: Sequence[PropertyChange]) -> PropertyStory:
    first = changes[0]
    topologies = tuple(change.topology for change in changes)
    known = [
        item.finding
        for item in expectations().values()
        if first.became_false and item.topology in topologies and first.id in (item.property, item.check)
    ]
    hunks = sorted({hunk for change in changes for hunks in change.hunks for hunk in hunks})
    return PropertyStory(
        first.id,
        first.title,
        first.became_false,
        topologies,
        tuple(hunks),
        tuple(sorted(set(known))),
        judgements().get(first.id),
        first.length,
    )


def _rank(key: str) -> int:
    judged = judgements().get(key)
    return ORDER.index(judged.judgement if judged else "")


def is_about_new_states(name: str) -> bool:
    """Whether a property speaks of VM states that only the patch introduced."""
    return name.partition(".")[0] in NEW_SUBJECT


def unexpected(reviews: Sequence[TopologyReview]) -> list[str]:
    """What the review found that nobody judged, and what was judged but is gone."""
    worse = [story.id for story in stories(reviews) if story.became_false and not is_about_new_states(story.id)]
    broken = [f"P49 on {review.topology}" for review in reviews if not review.flag_is_state]
    return deviations([*(change.key for change in behaviour(reviews)), *worse, *broken])


def files(reviews: Sequence[TopologyReview]) -> Files:
    """The report: pages, and every execution they speak of."""
    found = page("patch-review.md", "patch-review", _values(reviews))
    for number, change in enumerate(behaviour(reviews), 1):
        found |= traces(f"patch-{number}", change.separation, "before", "after")
    for story in _improved(reviews):
        found |= trace(f"patch-{story.id}-before", _violation_before(story))
    return found


def gerrit(reviews: Sequence[TopologyReview]) -> str:
    """The report as a review comment of at most 60 lines."""
    values = _values(reviews)
    ranked = behaviour(reviews)
    urgent = [change for change in ranked if _rank(change.key) < ORDER.index("harmless")]
    calm = ranked[len(urgent) :]
    return text_of("patch-review.gerrit", values | {"urgent": urgent, "calm": calm, "most_urgent": 6, "most_calm": 8})


def _hunk_text(name: str) -> str:
    """Where a hunk is: its function, and its first line."""
    hunk = TEXTS[name]
    return f"{hunk.function}, {hunk.file}:{hunk.first}"


def _hunk_link(name: str) -> str:
    """A hunk as Markdown: its id, its function, and a link to its first line."""
    hunk = TEXTS[name]
    return f"`{name}` ({markdown_text(hunk.function)}, {c_links(f'{hunk.file}:{hunk.first}')})"


def verdicts(reviews: Sequence[TopologyReview]) -> Iterator[tuple[Property, list[str]]]:
    """Each property that was compared, and what became of it on each topology, in a word or two."""
    for item in CATALOGUE.values():
        cells = [_verdict(item.id, review) for review in reviews]
        if any(cells):
            yield item, cells


def _verdict(name: str, review: TopologyReview) -> str:
    for change in review.changes:
        if change.id == name:
            return "**now violated**" if change.became_false else "**now holds**"
    if name in review.stayed_true:
        return "holds"
    return "violated" if name in review.stayed_false else ""


def _restored(story: PropertyStory) -> str:
    """Which hunks, taken back, change a property's verdict back."""
    if not story.hunks:
        return "no single hunk, taken back, changes that"
    return f"taking back {' or '.join(story.hunks)} changes that"


def _improved(reviews: Sequence[TopologyReview]) -> list[PropertyStory]:
    return [story for story in stories(reviews) if not story.became_false and not is_about_new_states(story.id)]


def _violation_before(story: PropertyStory) -> Trace:
    return shortest_execution(story.id, story.topologies[0], "", story.length, BEFORE)


def _values(reviews: Sequence[TopologyReview]) -> dict[str, object]:
    """What the templates show."""
    found = sorted(reviews, key=lambda review: list(BUILT_IN).index(review.topology))
    told = stories(found)
    return {
        "reviews": found,
        "behaviour": behaviour(found),
        "judgements": judgements(),
        "regressed": [change for change in behaviour(found) if _rank(change.key) == 0],
        "unjudged": [change for change in behaviour(found) if change.key not in judgements()],
        "rows": side_by_side,
        "hunk_text": _hunk_text,
        "hunk_link": _hunk_link,
        "verdicts": list(verdicts(found)),
        "restored": _restored,
        "regressions": [story for story in told if story.became_false and not is_about_new_states(story.id)],
        "improvements": _improved(found),
        "new_subject": [story for story in told if is_about_new_states(story.id)],
        "unexpected": unexpected(found),
    }
