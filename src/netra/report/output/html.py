"""A report as one page of HTML: nothing is loaded from anywhere, so it can be kept and sent."""

import re
from collections.abc import Iterable
from html import escape
from string import Template
from typing import Final

from netra.report.checkout import in_words
from netra.report.model import ChecklistPoint, ComparedDefect, Evidence, RegressionReport, Source, Tick, Trend
from netra.report.output.markdown import LEGEND, MOST_TESTS, SECTIONS
from netra.report.risks import RiskSection, risks

PAGE: Final = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>netra report: $title</title>
<style>
:root { color-scheme: light dark; --ink: #1c2430; --paper: #f6f7f9; --card: #ffffff; --faint: #5d6878; --line: #dfe3ea;
  --good: #1a7f4b; --bad: #c0262d; --doubt: #8a5d00; --mark: #2f6fde; --code: #eef1f5 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --paper: #0e1217; --card: #161b22; --faint: #9aa5b4;
  --line: #2b3340; --good: #4cc38a; --bad: #ff7b7b; --doubt: #e3b341; --mark: #79a8ff; --code: #1f2630 } }
* { box-sizing: border-box }
body { font: 15px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 64rem; margin: 0 auto;
  padding: 2.5rem 1.25rem 4rem; overflow-wrap: anywhere }
.good { --tone: var(--good) } .bad { --tone: var(--bad) } .doubt { --tone: var(--doubt) } .calm { --tone: var(--mark) }
.kicker { color: var(--faint); font-size: .8rem; letter-spacing: .08em; text-transform: uppercase; margin: 0 }
h1 { font-size: 1.75rem; line-height: 1.25; margin: .3rem 0 .6rem; color: var(--tone); text-wrap: balance }
h2 { font-size: 1.15rem; margin: 2.6rem 0 .8rem; display: flex; gap: .6rem; align-items: baseline }
h3 { font-size: 1rem; margin: 0 }
p { margin: .4rem 0 } .faint { color: var(--faint) }
.count { font-size: .85rem; font-weight: 400; color: var(--faint) }
.grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(13.5rem, 1fr)); gap: .8rem }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .9rem 1rem; min-width: 0 }
.tile { border-top: 3px solid var(--tone) } .tile p { font-size: .88rem }
.figure { text-align: center; border-top: 3px solid var(--tone) }
.figure b { display: block; font-size: 1.9rem; line-height: 1.2; color: var(--tone); font-variant-numeric: tabular-nums }
.figure.none b { color: var(--faint) } .figure.none { border-top-color: var(--line) }
.defect { border-left: 4px solid var(--tone); margin: .8rem 0 }
.defect header { display: flex; flex-wrap: wrap; gap: .3rem .7rem; align-items: baseline }
.pill { font-size: .75rem; font-weight: 600; color: var(--tone); border: 1px solid var(--tone); border-radius: 1rem;
  padding: 0 .55rem; white-space: nowrap }
dl { display: grid; grid-template-columns: 5rem 1fr; gap: .25rem .8rem; margin: .6rem 0 0; font-size: .92rem }
dt { color: var(--faint) } dd { margin: 0; min-width: 0 } dd::first-letter, .because::first-letter { text-transform: uppercase }
code { font: .86em ui-monospace, monospace; background: var(--code); border-radius: .3rem; padding: .1rem .35rem }
.run { display: block; padding: .4rem .6rem; margin-top: .15rem; white-space: pre-wrap }
.run::before { content: "$$ "; color: var(--faint) }
summary { cursor: pointer; color: var(--faint); font-size: .92rem } details ul { margin: .4rem 0 0 }
ul { padding-left: 1.2rem; margin: .4rem 0 } li { margin: .25rem 0 }
.points { list-style: none; padding: 0; margin: 0 }
.points li { display: grid; grid-template-columns: 1.6rem 1fr; gap: .1rem .5rem; padding: .65rem 0; margin: 0;
  border-bottom: 1px solid var(--line) }
.points li:last-child { border-bottom: 0 } .points .because { font-size: .88rem; color: var(--faint) }
.sign { width: 1.25rem; height: 1.25rem; margin-top: .15rem; border-radius: .3rem; border: 1.5px solid var(--tone);
  color: var(--tone); font: 700 .8rem/1.1rem system-ui, sans-serif; text-align: center }
.sign.held { background: var(--tone); color: var(--card) }
.points summary { font-size: .82rem } footer { margin-top: 2.4rem; font-size: .85rem; color: var(--faint) }
@media print { body { background: none; padding: 0 } .card { break-inside: avoid } }
</style>
</head>
<body>
<header class="$tone">
<p class="kicker">Regression report</p>
<h1>$title</h1>
<p class="faint">$made</p>
</header>
<h2>Evidence</h2>
<div class="grid">$evidence</div>
<h2>Against the baseline</h2>
<div class="grid">$figures</div>
$defects
<h2>Race and isolation risks</h2>
<div class="grid wide">$risks</div>
<h2>Prevention checklist <span class="count">$held of $points shown to hold</span></h2>
<div class="card"><ul class="points">$checklist</ul></div>
<footer><p>$legend</p></footer>
</body>
</html>
""")

TONES: Final = {Trend.NEW: "bad", Trend.OPEN: "doubt", Trend.UNKNOWN: "doubt", Trend.FIXED: "good"}
SIGNS: Final = {Tick.HELD: ("good", "✓", "held"), Tick.BROKEN: ("bad", "✗", "broken"), Tick.UNKNOWN: ("doubt", "?", "unknown")}


def write(made: RegressionReport) -> str:
    """The whole page. Whatever tools and servers have said is escaped."""
    held = sum(point.tick is Tick.HELD for point in made.checklist)
    whole = held == len(made.checklist)
    return PAGE.substitute(
        title=escape(made.headline),
        tone="bad" if made.of(Trend.NEW) else "good" if whole else "doubt",
        made=_made(made),
        evidence="".join(_tile(made, source) for source in Source),
        figures="".join(_figure(trend, len(made.of(trend))) for trend in Trend),
        defects="".join(_section(trend, made.of(trend)) for trend in Trend) + _vanished(made.vanished),
        risks="".join(map(_risk, risks(made))),
        held=held,
        points=len(made.checklist),
        checklist="".join(map(_point, made.checklist)),
        legend=escape(" ".join(LEGEND.split())),
    )


def _made(made: RegressionReport) -> str:
    commit = f" at commit <code>{escape(made.commit)}</code>" if made.commit else ", of no Git checkout"
    told = f"Made on {made.made_at:%Y-%m-%d %H:%M} UTC{commit}. "
    if made.baseline_at is None:
        return told + "Compared with nothing: there is no baseline."
    of = f", commit <code>{escape(made.baseline_commit)}</code>" if made.baseline_commit else ""
    return f"{told}Compared with <code>{escape(made.baseline)}</code> of {made.baseline_at:%Y-%m-%d %H:%M} UTC{of}."


def _tile(made: RegressionReport, source: Source) -> str:
    evidence = made.from_source(source)
    if evidence is None:
        before = next((each for each in made.earlier if each.source is source), None)
        known = "Not run." if before is None else f"Not run; last seen {in_words(made.made_at - before.began_at)} before."
        return _card("doubt", f"{source} {_pill('unknown')}", f'<p class="faint">{known}</p>')
    tone, word = _state(evidence)
    remarks = [*([f"Old: {evidence.stale}."] if evidence.stale else []), *(f"In doubt: {doubt}." for doubt in evidence.doubts)]
    age = in_words(made.made_at - evidence.began_at)
    return _card(
        tone,
        f"{source} {_pill(word)}",
        "".join(f"<p>{_text(words)}</p>" for words in (evidence.looked_at, *remarks))
        + f'<p class="faint">{age} before, <code>{escape(evidence.origin)}</code></p>',
    )


def _state(evidence: Evidence) -> tuple[str, str]:
    if evidence.stale:
        return "doubt", "old"
    if evidence.defects:
        return "bad", f"{len(evidence.defects):,} wrong"
    return ("doubt", "in doubt") if evidence.doubts else ("good", "nothing found")


def _figure(trend: Trend, number: int) -> str:
    none = "" if number else " none"
    return f'<div class="card figure {TONES[trend]}{none}"><b>{number:,}</b>{trend}</div>'


def _section(trend: Trend, found: tuple[ComparedDefect, ...]) -> str:
    if not found:
        return ""
    title, _ = SECTIONS[trend]
    return f'<h2>{title} <span class="count">{len(found):,}</span></h2>' + "".join(map(_defect, found))


def _defect(each: ComparedDefect) -> str:
    defect = each.defect
    proof = f"<details><summary>what proves it</summary>{_list(defect.proof)}</details>" if defect.proof else ""
    rows = [
        ("Users", escape(defect.impact)),
        ("Because", f"{_text(each.because)}."),
        ("Verify", f'<code class="run">{escape(defect.verify)}</code>'),
    ]
    head = f"<h3>{escape(defect.name)}</h3><code>{escape(defect.where)}</code>{_pill(defect.risk)}"
    return (
        f'<article class="card defect {TONES[each.trend]}"><header>{head}<span class="faint">{defect.source}</span></header>'
        f"<p>{_text(defect.what)}</p>{proof}"
        f"<dl>{''.join(f'<dt>{name}</dt><dd>{words}</dd>' for name, words in rows)}</dl></article>"
    )


def _vanished(tests: tuple[str, ...]) -> str:
    if not tests:
        return ""
    more = [f"and {len(tests) - MOST_TESTS:,} more"] if len(tests) > MOST_TESTS else []
    named = [f"`{test}`" for test in tests[:MOST_TESTS]]
    return (
        f'<h2>Tests that passed in the baseline and did not run <span class="count">{len(tests):,}</span></h2>'
        f'<div class="card">{_list([*named, *more])}</div>'
    )


def _risk(section: RiskSection) -> str:
    tone = "bad" if section.open else "doubt" if section.blind else "good"
    lines = [*(f"{each.trend}: {each.defect.name} `{each.defect.where}`" for each in section.open)]
    lines += [f"not known: {why}" for why in section.blind]
    return _card(tone, escape(section.title), f"<p>{escape(section.words)}</p>{_list(lines)}")


def _point(point: ChecklistPoint) -> str:
    tone, sign, word = SIGNS[point.tick]
    held = " held" if point.tick is Tick.HELD else ""
    told = "" if point.tick is Tick.HELD else f"{_pill(word)} "
    return (
        f'<li class="{tone}"><span class="sign{held}" role="img" aria-label="{word}">{sign}</span><div>{escape(point.sentence)}'
        f'<div class="because">{told}{_text(point.because)}</div>'
        f'<details><summary>verify</summary><code class="run">{escape(point.verify)}</code></details></div></li>'
    )


def _card(tone: str, title: str, content: str) -> str:
    return f'<div class="card tile {tone}"><h3>{title}</h3>{content}</div>'


def _pill(word: str) -> str:
    return f'<span class="pill">{escape(word)}</span>'


def _list(lines: Iterable[str]) -> str:
    made = "".join(f"<li>{_text(line)}</li>" for line in lines)
    return f"<ul>{made}</ul>" if made else ""


def _text(words: str) -> str:
    """Words, with what stands between backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(words))
