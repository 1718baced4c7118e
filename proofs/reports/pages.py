"""Pages of reports: Markdown from templates, and the same as self-contained HTML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markdown_it import MarkdownIt

from model.source import UPSTREAM_COMMIT
from proofs.reports.comparison import Separation
from proofs.traces.file_format import encode
from proofs.traces.html import html_page
from proofs.traces.markdown import markdown_text
from proofs.traces.trace import Trace

Files = dict[str, str]
"""Contents by path, relative to the folder of the reports."""


def page(template: str, name: str, values: Mapping[str, Any]) -> Files:
    """A page as Markdown and as HTML: `name`.md and `name`.html."""
    text = re.sub(r"\n{3,}", "\n\n", _environment().get_template(template).render(values)).strip() + "\n"
    return {f"{name}.md": text, f"{name}.html": _html(text)}


def text_of(template: str, values: Mapping[str, Any]) -> str:
    """A plain text of a template."""
    return re.sub(r"\n{3,}", "\n\n", _environment().get_template(template).render(values)).strip() + "\n"


def traces(name: str, separation: Separation, left: str, right: str) -> Files:
    """Both executions of a separation, as trace files and as pages: `traces/NAME-LEFT.json` and so on."""
    return {**trace(f"{name}-{left}", separation.left), **trace(f"{name}-{right}", separation.right)}


def trace(name: str, execution: Trace) -> Files:
    """An execution as a trace file and as a page."""
    return {f"traces/{name}.json": encode(execution.to_file()).decode(), f"traces/{name}.html": html_page(execution)}


def _html(text: str) -> str:
    title = markdown_title(text)
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    body = re.sub(r'href="([^":]+)\.md(#[^"]*)?"', r'href="\1.html\2"', body)
    body = body.replace("<table>", '<div class="table"><table>').replace("</table>", "</table></div>")
    return _environment().get_template("page.html").render(title=title, body=body, commit=UPSTREAM_COMMIT)


def markdown_title(text: str) -> str:
    """The first heading of a Markdown text."""
    return next(line.removeprefix("# ") for line in text.splitlines() if line.startswith("# "))


@cache
def _environment() -> Environment:
    folder = files("proofs.reports") / "templates"
    environment = Environment(
        loader=FunctionLoader(lambda name: (folder / name).read_text(encoding="utf-8")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )
    environment.filters["md"] = markdown_text
    return environment
