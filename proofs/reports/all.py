"""All reports: their pages, the executions they speak of, and what is not as expected."""

from __future__ import annotations

from proofs.reports import (
    ambiguities,
    ambiguities_page,
    fixes,
    fixes_page,
    patch_review,
    patch_review_page,
    properties_page,
)
from proofs.reports.consistency import contradictions
from proofs.reports.pages import Files


def all_files(jobs: int) -> tuple[Files, list[str]]:
    """The files of every report, and what is not as expected: changes that nobody judged, or that are gone.

    So is a search of variants that says of the C as it is something else than `prove-all` does.
    """
    reviews = patch_review.review(jobs)
    answered = ambiguities.investigate(jobs, ambiguities.OF_THE_MODEL)
    searched = fixes.search(jobs)
    pages = {
        **patch_review_page.files(reviews),
        **ambiguities_page.files(answered),
        **fixes_page.files(searched),
        **properties_page.files(),
    }
    return pages, [
        *patch_review_page.unexpected(reviews),
        *contradictions(ambiguities.FREE, answered.dependences),
        *contradictions(fixes.FREE, searched.dependences),
    ]
