"""What each property says, and what is known of it: what the other pages link to."""

from __future__ import annotations

from proofs.findings import expectations
from proofs.findings.page import text as findings_text
from proofs.reports.pages import Files, html, page
from properties.catalogue import CATALOGUE
from properties.language import Kind


def files() -> Files:
    """The page of the properties, and the findings as HTML."""
    properties = [item for item in CATALOGUE.values() if item.kind is not Kind.SOMETIMES]
    known = {
        item.id: sorted({known.finding for known in expectations().values() if known.property == item.id})
        for item in properties
    }
    values = {"properties": properties, "known": known, "verdict_of": verdict_of}
    return page("properties.md", "properties", values) | {"findings.html": html(findings_text())}


def verdict_of(name: str) -> str:
    """What is known of a property of the C: where it is violated, and how soon."""
    violated = [item for item in expectations().values() if item.property == name]
    if not violated:
        return "no violation known"
    shortest = min(violated, key=lambda item: item.length or 0)
    topologies = len({item.topology for item in violated})
    others = f"; on {topologies} topologies in all" if topologies > 1 else ""
    return f"violated, in {shortest.length or 0} steps on {shortest.topology} at the shortest{others}"
