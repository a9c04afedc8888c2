"""A verdict as one page of HTML, with charts: nothing is loaded from anywhere, so it can be kept and sent."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape
from string import Template
from typing import Final

from netra.prove.history import Seen, operations
from netra.prove.output.terminal import WORDS
from netra.prove.verdict import Conclusion, Judgement

WIDTH: Final = 960
HEIGHT: Final = 220
LEFT: Final = 56
"""Pixels for the numbers beside a chart."""
MOST_POINTS: Final = 4000
MOST_WITNESSES: Final = 50

PAGE: Final = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>netra prove: $title</title>
<style>
:root { color-scheme: light dark; --ink: #1c2430; --paper: #ffffff; --faint: #6b7686; --line: #d9dee6; --good: #1a7f4b;
  --bad: #c0262d; --doubt: #9a6700; --mark: #2f6fde; --shade: #f0b90033 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --paper: #12161c; --faint: #98a3b3; --line: #2b3340;
  --good: #4cc38a; --bad: #ff6b6b; --doubt: #e3b341; --mark: #79a8ff; --shade: #f0b90026 } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem }
h1 { font-size: 1.6rem; margin-bottom: .2rem } h2 { font-size: 1.1rem; margin-top: 2.2rem }
.good { color: var(--good) } .bad { color: var(--bad) } .doubt { color: var(--doubt) } .faint { color: var(--faint) }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .3rem .6rem;
  border-bottom: 1px solid var(--line); vertical-align: top }
td.number { text-align: right; font-variant-numeric: tabular-nums }
pre { overflow-x: auto; background: color-mix(in srgb, var(--ink) 6%, transparent); padding: .8rem; border-radius: .4rem;
  font-size: .85em }
svg { width: 100%; height: auto } text { fill: var(--faint); font: 11px system-ui, sans-serif }
li { margin: .3rem 0; overflow-wrap: anywhere }
</style>
</head>
<body>
<h1 class="$tone">$title</h1>
<p class="faint">$began_at. $users users, $events events, $seconds seconds, seed $seed. Again: <code>$command</code></p>
$doubts
<h2>Promises</h2>
<table><tr><th>promise</th><th>in words</th><th>breaches</th></tr>$promises</table>
$breaches
<h2>How long it took</h2>
<p class="faint">Each point is an operation that succeeded; shaded: a fault.</p>
$latencies
<h2>What happened, each second</h2>
<p class="faint"><span style="color:var(--mark)">events</span>, <span class="good">operations done</span>,
<span class="bad">refused or unknown</span></p>
$rates
<h2>Faults</h2>
<table><tr><th>fault</th><th>injected</th><th>bites</th></tr>$faults</table>
<h2>Operations</h2>
<table><tr><th>operation</th><th>done</th><th>refused</th><th>unknown</th></tr>$operations</table>
$smallest
</body>
</html>
""")

TONES: Final = {Conclusion.PROVED: "good", Conclusion.BREACH: "bad", Conclusion.INCONCLUSIVE: "doubt"}


def write(
    verdict: Judgement, records: Sequence[Seen], *, seed: int, command: str, began_at: datetime, smallest: tuple[Seen, ...]
) -> str:
    """The whole page. Whatever a server has sent is escaped."""
    return PAGE.substitute(
        title=escape(WORDS[verdict.outcome]),
        tone=TONES[verdict.outcome],
        users=verdict.users,
        events=f"{verdict.events:,}",
        seconds=f"{verdict.seconds:.0f}",
        seed=seed,
        command=escape(command),
        began_at=f"{began_at:%Y-%m-%d %H:%M} UTC",
        doubts=_list("In doubt", verdict.doubts, "doubt"),
        promises="".join(
            _row(name, promise, count, tone="bad" if count else "") for name, (promise, count) in verdict.promises.items()
        )
        + "".join(
            _row(name, promise, f"not applicable: no {', no '.join(lacks)}", tone="faint")
            for name, (promise, lacks) in verdict.not_applicable.items()
        ),
        breaches=_list("Witnesses", [f"{each.checker}: {each.witness}" for each in verdict.breaches[:MOST_WITNESSES]], "bad"),
        latencies=_latencies(records),
        rates=_rates(records),
        faults="".join(
            _row(each.name, each.injected, each.bites, tone="" if each.bites else "doubt") for each in verdict.faults
        ),
        operations="".join(
            _row(name, counts.get("ok", 0), counts.get("fail", 0), counts.get("unknown", 0))
            for name, counts in sorted(verdict.operations.items())
        ),
        smallest=_smallest(smallest),
    )


def _row(*cells: object, tone: str = "") -> str:
    made = "".join(
        f'<td class="number">{cell:,}</td>' if isinstance(cell, int) else f"<td>{escape(str(cell))}</td>" for cell in cells
    )
    return f'<tr class="{tone}">{made}</tr>'


def _list(title: str, lines: Sequence[str], tone: str) -> str:
    if not lines:
        return ""
    return f'<h2>{title}</h2><ul class="{tone}">{"".join(f"<li>{escape(line)}</li>" for line in lines)}</ul>'


def _smallest(records: tuple[Seen, ...]) -> str:
    if not records:
        return ""
    lines = escape("\n".join(record.line() for record in records[:MOST_WITNESSES]))
    return f"<h2>The smallest history that still fails</h2><pre>{lines}</pre>"


# Charts ---------------------------------------------------------------------------------------------------------------


def _latencies(records: Sequence[Seen]) -> str:
    points = [(each.invoke.at, each.seconds * 1000) for each in operations(records) if each.result == "ok" and each.seconds]
    points = points[:: max(1, len(points) // MOST_POINTS)]
    end = _end(records)
    top = max((ms for _, ms in points), default=1.0)
    dots = "".join(
        f'<circle cx="{_across(at, end):.1f}" cy="{_up(ms, top):.1f}" r="1.6" fill="var(--mark)" opacity=".55"/>'
        for at, ms in points
    )
    return _chart(records, end, top, "ms", dots)


def _rates(records: Sequence[Seen]) -> str:
    end = _end(records)
    lines = (
        ("var(--mark)", Counter(int(record.at) for record in records if record.kind == "event")),
        ("var(--good)", Counter(int(record.at) for record in records if record.kind == "ok")),
        ("var(--bad)", Counter(int(record.at) for record in records if record.kind in ("fail", "unknown"))),
    )
    top = max((max(counts.values(), default=0) for _, counts in lines), default=0) or 1
    drawn = "".join(
        f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="'
        + " ".join(f"{_across(second, end):.1f},{_up(counts[second], top):.1f}" for second in range(int(end) + 1))
        + '"/>'
        for colour, counts in lines
    )
    return _chart(records, end, top, "a second", drawn)


def _chart(records: Sequence[Seen], end: float, top: float, unit: str, drawn: str) -> str:
    shades = "".join(
        f'<rect x="{_across(start, end):.1f}" y="0" width="{max(_across(stop, end) - _across(start, end), 2):.1f}" '
        f'height="{HEIGHT}" fill="var(--shade)"><title>{escape(name)}</title></rect>'
        for name, start, stop in _windows(records)
    )
    grid = "".join(
        f'<path d="M{LEFT} {_up(top * share, top):.1f}H{WIDTH}" stroke="var(--line)"/>'
        f'<text x="{LEFT - 6}" y="{_up(top * share, top) + 4:.1f}" text-anchor="end">{top * share:,.0f}</text>'
        for share in (0.0, 0.5, 1.0)
    )
    ticks = "".join(
        f'<text x="{_across(end * share, end):.1f}" y="{HEIGHT + 26}" text-anchor="middle">{end * share:.0f} s</text>'
        for share in (0.0, 0.25, 0.5, 0.75, 1.0)
    )
    box = f'viewBox="0 -10 {WIDTH + 20} {HEIGHT + 45}"'
    return f'<svg {box} role="img"><title>{escape(unit)}</title>{shades}{grid}{ticks}{drawn}</svg>'


def _windows(records: Sequence[Seen]) -> Iterator[tuple[str, float, float]]:
    for record in records:
        if record.kind == "fault" and record.data.get("ended"):
            yield record.name, record.data["began_at"], record.at


def _end(records: Sequence[Seen]) -> float:
    return max((record.at for record in records), default=1.0) or 1.0


def _across(at: float, end: float) -> float:
    return LEFT + (WIDTH - LEFT) * at / end


def _up(value: float, top: float) -> float:
    return HEIGHT - HEIGHT * value / top
