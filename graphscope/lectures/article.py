"""One example as HTML: what to look at, code, picture, chain rule, numbers."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import isfinite
from typing import Final

from graphscope.diagram.options import DiagramOptions
from graphscope.lectures.catalog import Example
from graphscope.lectures.comparing import Comparison
from graphscope.lectures.lesson import choose_chain_rule, choose_style
from graphscope.lectures.oracles import Oracle
from graphscope.lectures.running import Run
from graphscope.lectures.wording import HEADINGS, compare_rows
from graphscope.model.finding import Finding
from graphscope.model.trace import Trace
from graphscope.render.escape import clean_text

_HALF: Final = 760.0  # CSS pixels; wider pictures get the whole width
_WIDE: Final = 1500.0  # wider ones scroll instead of shrinking
_CURVE: Final = 300  # points of a loss curve at most
_CHAIN_WIDTH: Final = 96
_BEND: Final = 3  # steps that a curve needs
_BACKTICKS: Final = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Shown:
    """An example that has run, with everything that its article shows."""

    example: Example
    run: Run
    oracle: Oracle | None
    comparisons: Sequence[Comparison]
    findings: Sequence[Finding]


def write_article(shown: Shown) -> str:
    """Return the `<article>` of an example; all text in it is escaped."""
    example = shown.example
    picture, width = _picture(shown.run)
    stacked = " stacked" if width > _HALF else ""
    link = f'<a href="#{example.id}">{_text(example.title)}</a>'
    parts = [
        f"<h3>{link}</h3>",
        f'<div class="id">graphscope demo {_text(example.id)}</div>',
        f'<p class="look">Look at: {_text(example.look_at)}</p>',
        *(_finding(finding) for finding in shown.findings),
        f'<div class="columns{stacked}"><div>',
        f'<pre class="code">{_code(example.code)}</pre>',
        *_printed(shown.run),
        *_numbers(shown),
        *_curve(shown.run),
        "</div><div>",
        picture,
        "</div></div>",
        *_chain(shown.run),
    ]
    return f'<article id="{example.id}">\n{"".join(parts)}\n</article>\n'


def _finding(finding: Finding) -> str:
    return (
        f'<div class="trap"><strong>{_text(finding.title)}</strong>'
        f"<p>{_prose(finding.explanation)} {_prose(finding.remedy)}</p></div>"
    )


def _prose(text: str) -> str:
    """Escape sentences; what stands between backticks is code."""
    return _BACKTICKS.sub(r"<code>\1</code>", _text(text))


def _code(code: str) -> str:
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    return str(highlight(code, PythonLexer(), HtmlFormatter(nowrap=True)))


def _printed(run: Run) -> Iterator[str]:
    text = run.printed.rstrip()
    if text:
        yield f"<h4>It prints</h4><pre>{_text(text)}</pre>"
    if run.error:
        yield f"<h4>It ends with</h4><pre>{_text(run.error)}</pre>"


def _picture(run: Run) -> tuple[str, float]:
    """Return the picture of the first step, and its width in CSS pixels."""
    if not len(run.steps):
        return "<p>No torch operation ran: there is no graph.</p>", 0.0
    svg = _draw(run.steps[0].trace)
    width = float(svg.partition('width="')[2].partition('"')[0])
    wide = " wide" if width > _WIDE else ""
    return f'<figure class="picture{wide}" tabindex="0">{svg}</figure>', width


def _draw(trace: Trace) -> str:
    from graphscope.diagram.build import build_diagram
    from graphscope.render.svg import to_svg

    style = choose_style(trace)
    return to_svg(build_diagram(trace, DiagramOptions(style=style)))


def _chain(run: Run) -> Iterator[str]:
    from graphscope.render.text.chain import chain_lines

    if not len(run.steps):
        return
    trace = run.steps[0].trace
    rule = choose_chain_rule(trace)
    if rule is not None:
        text = "\n".join(chain_lines(trace, rule, width=_CHAIN_WIDTH))
        yield f"<h4>The chain rule with numbers</h4><pre>{_text(text)}</pre>"


def _numbers(shown: Shown) -> Iterator[str]:
    oracle = shown.oracle
    if oracle is None:
        return
    head = "".join(f'<th scope="col">{_text(cell)}</th>' for cell in HEADINGS)
    rows = "".join(_row(cells) for cells in compare_rows(oracle, shown.comparisons)[1:])
    heading = "Beside the lecture" if oracle.printed else "Checked against torch"
    why = f"<p>Why they differ: {_text(oracle.why)}</p>" if oracle.why else ""
    yield (
        f"<h4>{heading}</h4>"
        f'<div class="table"><table><caption>{_text(oracle.document)}, line '
        f"{oracle.line}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{rows}</tbody></table></div>{why}"
    )


def _row(cells: Sequence[str]) -> str:
    *middle, verdict = cells[1:]
    kind = "ok" if verdict == "✓" else "differs"
    return (
        f'<tr><th scope="row">{_text(cells[0])}</th>'
        f"{''.join(f'<td>{_text(cell)}</td>' for cell in middle)}"
        f'<td class="{kind}">{_text(verdict)}</td></tr>'
    )


def _curve(run: Run) -> Iterator[str]:
    """Draw the loss over the steps of a training."""
    losses = [loss for loss in run.steps.losses() if loss is not None]
    if len(losses) < _BEND or not all(map(isfinite, losses)):
        return
    kept = losses[:: max(len(losses) // _CURVE, 1)]
    low, high = min(kept), max(kept)
    span = (high - low) or 1.0
    points = " ".join(
        f"{100 * i / (len(kept) - 1):.2f},{38 - 36 * (loss - low) / span:.2f}"
        for i, loss in enumerate(kept)
    )
    label = f"Loss over {len(losses)} steps: {losses[0]:.4g} to {losses[-1]:.4g}"
    yield (
        f"<h4>{label}</h4>"
        '<svg class="curve" viewBox="0 0 100 40" preserveAspectRatio="none" '
        f'role="img" aria-label="{label}"><polyline points="{points}"/></svg>'
    )


def _text(text: str) -> str:
    """Escape text, also of control characters; line breaks stay."""
    return "\n".join(escape(clean_text(line)) for line in text.split("\n"))
