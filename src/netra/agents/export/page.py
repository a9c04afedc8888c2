"""A report as one page of HTML that needs nothing else: no script, no font, no picture and no link from anywhere."""

from collections.abc import Iterator, Sequence
from html import escape
from string import Template
from typing import Final

from netra.agents.export.edition import Edition
from netra.agents.export.plots import Palette, draw
from netra.agents.export.prose import Phrase, ProseBlock, read_prose
from netra.agents.export.tables import Grid, breakdown_grid, chart_grid, figures_grid
from netra.agents.report import Section
from netra.analytics.figures import Chart

FEW_VALUES: Final = 12
"""Values of a chart up to which their table is open."""

PALETTE: Final = Palette("var(--mark)", "var(--ink)", "var(--faint)", "var(--line)", "system-ui, sans-serif")

PAGE: Final = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>$title</title>
<style>
:root { color-scheme: light dark; --ink: #1c2430; --paper: #f6f7f9; --card: #ffffff; --faint: #5d6878; --line: #dfe3ea;
  --mark: #2f6fde; --code: #eef1f5 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --paper: #0e1217; --card: #161b22; --faint: #9aa5b4;
  --line: #2b3340; --mark: #79a8ff; --code: #1f2630 } }
* { box-sizing: border-box }
body { font: 16px/1.6 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 56rem; margin: 0 auto;
  padding: 2.5rem 1.25rem 4rem; overflow-wrap: anywhere }
.kicker { color: var(--faint); font-size: .85rem; margin: 0 }
h1 { font-size: 1.9rem; line-height: 1.2; margin: .3rem 0 1.6rem; text-wrap: balance }
h2 { font-size: 1.2rem; margin: 0 0 .6rem } h3 { font-size: 1rem; margin: 1.1rem 0 .3rem }
section { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: 1.2rem 1.4rem; margin: 1rem 0 }
section.first { border-top: 4px solid var(--mark) } section.first li { margin: .5rem 0; font-size: 1.05rem }
p { margin: .5rem 0 } ul, ol { padding-left: 1.3rem; margin: .5rem 0 } li { margin: .35rem 0 }
code, pre { font: .86em ui-monospace, monospace; background: var(--code); border-radius: .3rem }
code { padding: .1rem .35rem } pre { padding: .7rem .9rem; white-space: pre-wrap }
figure { margin: 1.4rem 0 .4rem } figcaption { font-weight: 600; margin-bottom: .5rem }
svg { display: block; width: 100%; height: auto }
details { margin: .5rem 0 } summary { cursor: pointer; color: var(--faint); font-size: .9rem }
.scroll { overflow-x: auto }
table { border-collapse: collapse; width: 100%; font-size: .85rem; margin: .5rem 0 }
caption { text-align: left; font-weight: 600; padding: .3rem 0 }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem .35rem 0; border-bottom: 1px solid var(--line);
  min-width: 4.5rem; max-width: 24rem }
th { color: var(--faint); font-weight: 600 }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
.number + :not(.number) { padding-left: .9rem }
.notes { color: var(--faint); font-size: .82rem } footer { color: var(--faint); font-size: .85rem; margin-top: 2rem }
/* Scaled down to a telephone, the words of a drawing could not be read: it is moved under the finger instead. */
@media screen and (max-width: 40rem) { body { padding: 1.5rem .8rem 3rem } section { padding: 1rem }
  .drawing { overflow-x: auto } .drawing svg { min-width: 36rem } }
@media print { :root { --ink: #000; --paper: #fff; --card: #fff; --faint: #444; --line: #bbb; --mark: #2f6fde;
  --code: #f2f2f2 }
  body { padding: 0; font-size: 11pt; max-width: none } section { border: 0; padding: 0; break-inside: auto }
  .drawing, tr, li { break-inside: avoid } h2, h3, figcaption { break-after: avoid }
  .scroll { overflow: visible }
  details::details-content { content-visibility: visible; block-size: auto } .number { white-space: normal } }
</style>
</head>
<body>
<header>
<p class="kicker">$kicker</p>
<h1 dir="auto">$title</h1>
</header>
<main>
$sections
</main>
<footer><p>Each number names the rows and the formula that it came from.</p></footer>
</body>
</html>
""")


def write_page(edition: Edition) -> str:
    """The whole page. Whatever stands in the report is escaped."""
    kicker = edition.subtitle
    if edition.completeness is not None:
        kicker += f" · the data holds {edition.completeness:.1%} of what could be known of each request"
    parts = [_section(section, first=not place) for place, section in enumerate(edition.sections)]
    if edition.next_steps:
        steps = "".join(f'<li dir="auto">{escape(step)}</li>' for step in edition.next_steps)
        parts.append(f'<section aria-labelledby="next"><h2 id="next">Next steps</h2><ol>{steps}</ol></section>')
    return PAGE.substitute(title=escape(edition.title), kicker=escape(kicker), sections="\n".join(parts))


def _section(section: Section, *, first: bool) -> str:
    name = f"section-{section.id}"
    parts = [f'<h2 id="{name}" dir="auto">{escape(section.title)}</h2>', *map(_block, read_prose(section.content))]
    parts += map(_chart, section.charts)
    parts += [_table(breakdown_grid(table), opened=len(table.entries) <= FEW_VALUES) for table in section.tables]
    if section.figures:
        parts.append(_table(figures_grid(section.figures), opened=False))
    return f'<section aria-labelledby="{name}"{" class=first" if first else ""}>{"".join(parts)}</section>'


def _block(block: ProseBlock) -> str:
    items = list(map(_phrases, block.items))
    match block.kind:
        case "bullets" | "numbers":
            made = "".join(f'<li dir="auto">{item}</li>' for item in items)
            return f"<ul>{made}</ul>" if block.kind == "bullets" else f"<ol>{made}</ol>"
        case "heading":
            return f'<h3 dir="auto">{items[0]}</h3>'
        case "verbatim":
            return f'<pre dir="auto">{chr(10).join(items)}</pre>'
        case _:
            return f'<p dir="auto">{items[0]}</p>'


def _phrases(phrases: Sequence[Phrase]) -> str:
    tags = {"plain": "", "strong": "strong", "code": "code"}
    return "".join(
        f"<{tag}>{escape(phrase.text)}</{tag}>" if (tag := tags[phrase.style]) else escape(phrase.text) for phrase in phrases
    )


def _chart(chart: Chart) -> str:
    drawing = draw(chart, PALETTE, f"chart-{chart.id}")
    table = _table(chart_grid(chart), opened=False)
    return (
        f'<figure><figcaption dir="auto">{escape(chart.title)}</figcaption><div class="drawing">{drawing}</div>{table}</figure>'
    )


def _table(grid: Grid, *, opened: bool) -> str:
    return (
        f"<details{' open' if opened else ''}><summary>{escape(grid.caption)}</summary>"
        f'<div class="scroll"><table><caption hidden>{escape(grid.caption)}</caption><thead><tr>{"".join(_header(grid))}</tr>'
        f"</thead><tbody>{''.join(_row(grid, row) for row in grid.rows)}</tbody></table></div>{_notes(grid)}</details>"
    )


def _header(grid: Grid) -> Iterator[str]:
    for place, cell in enumerate(grid.header):
        yield f'<th scope="col"{" class=number" if place in grid.numeric else ""} dir="auto">{escape(cell)}</th>'


def _row(grid: Grid, row: Sequence[str]) -> str:
    kinds = (" class=number" if place in grid.numeric else "" for place in range(len(row)))
    cells = (f'<td{kind} dir="auto">{escape(cell)}</td>' for kind, cell in zip(kinds, row, strict=True))
    return f"<tr>{''.join(cells)}</tr>"


def _notes(grid: Grid) -> str:
    return "".join(f'<p class="notes" dir="auto">{escape(note)}</p>' for note in grid.notes)
