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
from proofs.reports.pages import Files


def all_files(jobs: int) -> tuple[Files, list[str]]:
    """The files of every report, and the changes by the patch that are not judged, or gone."""
    reviews = patch_review.review(jobs)
    pages = {
        **patch_review_page.files(reviews),
        **ambiguities_page.files(ambiguities.investigate(jobs, ambiguities.OF_THE_MODEL)),
        **fixes_page.files(fixes.search(jobs)),
        **properties_page.files(),
    }
    return pages, patch_review_page.unexpected(reviews)
