"""Pages of reports: Markdown from templates, and the same as self-contained HTML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline

from model.source import UPSTREAM_COMMIT, UPSTREAM_URL
from proofs.reports.comparison import Separation
from proofs.traces.file_format import encode
from proofs.traces.html import html_page
from proofs.traces.markdown import markdown_text
from proofs.traces.trace import Trace

Files = dict[str, str]
"""Contents by path, relative to the folder of the reports."""


_ANCHOR = re.compile(r'<a id="([\w.-]+)"></a>')
"""The only HTML that pages have in their Markdown: something to link to."""

_PLACE = re.compile(r"\b(?:src|inc)/[\w/.-]+\.[ch]:\d+(?:-\d+)?")


def page(template: str, name: str, values: Mapping[str, Any]) -> Files:
    """A page as Markdown and as HTML: `name`.md and `name`.html.  `up` leads from it to the reports' folder."""
    text = text_of(template, {**values, "up": "../" * name.count("/")})
    return {f"{name}.md": text, f"{name}.html": html(text)}


def text_of(template: str, values: Mapping[str, Any]) -> str:
    """A plain text of a template."""
    return re.sub(r"\n{3,}", "\n\n", _environment().get_template(template).render(values)).strip() + "\n"


def traces(name: str, separation: Separation, left: str, right: str) -> Files:
    """Both executions of a separation, as trace files and as pages: `traces/NAME-LEFT.json` and so on."""
    return {**trace(f"{name}-{left}", separation.left), **trace(f"{name}-{right}", separation.right)}


def trace(name: str, execution: Trace) -> Files:
    """An execution as a trace file and as a page."""
    return {f"traces/{name}.json": encode(execution.to_file()).decode(), f"traces/{name}.html": html_page(execution)}


def html(text: str) -> str:
    """A Markdown text as a self-contained page, whose links lead to such pages.

    The findings, which are kept a folder above the reports, have a page among them in HTML.
    """
    body = _markdown().render(text)
    body = re.sub(r'href="((?:\.\./)*)\.\./findings\.md', r'href="\1findings.md', body)
    body = re.sub(r'href="([^":]+)\.md(#[^"]*)?"', r'href="\1.html\2"', body)
    body = body.replace("<table>", '<div class="table"><table>').replace("</table>", "</table></div>")
    body = body.replace("<td>the same</td>", '<td class="same">the same</td>')
    body = re.sub(r"<td>(<strong>[^<]*</strong>)</td>", r'<td class="mark">\1</td>', body)
    return _environment().get_template("page.html").render(title=_title(body), body=body, commit=UPSTREAM_COMMIT)


def c_links(source: str) -> str:
    """Links to places in the C, from `file:line, file:line-line`, as Markdown."""
    links = []
    for place in source.split(", "):
        file, _, line = place.partition(":")
        links.append(f"[{place}]({UPSTREAM_URL}/{file}#{line.partition('-')[0]})")
    return ", ".join(links)


def linked(text: str) -> str:
    """Text as Markdown, in which places in the C are links."""
    return _PLACE.sub(lambda found: c_links(found[0]), markdown_text(text))


def _title(body: str) -> str:
    """The first heading of a page, without its elements."""
    return re.sub(r"<[^>]*>", "", body.partition("<h1>")[2].partition("</h1>")[0])


@cache
def _markdown() -> MarkdownIt:
    """Markdown without HTML but for anchors."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    markdown.inline.ruler.before("html_inline", "anchor", _anchor)
    markdown.add_render_rule("anchor", lambda _, tokens, index, *__: f'<a id="{tokens[index].content}"></a>')
    return markdown


def _anchor(state: StateInline, silent: bool) -> bool:
    """Reads an anchor."""
    found = _ANCHOR.match(state.src, state.pos)
    if found and not silent:
        state.push("anchor", "a", 0).content = found[1]
    state.pos = found.end() if found else state.pos
    return found is not None


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
    environment.filters["places"] = c_links
    environment.filters["linked"] = linked
    return environment
