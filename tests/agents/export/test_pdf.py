"""A report as PDF: what stands in it is text, whatever it looks like."""

import asyncio
import json
import sys

import pytest

from netra.agents.export import pdf
from netra.agents.export.edition import Edition, edit
from netra.agents.export.glyphs import glyphless, in_words
from netra.agents.export.pdf import PdfNotInstalled, Press, PressBusy, ReportTooLong, breakable, document, write_pdf
from netra.agents.report import Section
from tests.agents.export.hostile import AT, MARKUP, hostile_report

pytest.importorskip("typst", reason="needs the extra pdf")
REPORT = hostile_report()
HOSTILE = edit(REPORT.title, REPORT.model_dump(mode="json"), AT)


def of(content: str) -> Edition:
    return Edition("Title", "Report", AT, (Section(id="a", title="A", content=content),), (), None)


def test_a_hostile_report_is_set() -> None:
    assert write_pdf(HOSTILE).startswith(b"%PDF-")


def test_the_same_report_is_the_same_length_whatever_its_markup_would_do() -> None:
    # `#panic()` read as markup would be an error, `#pagebreak()` another page.
    assert write_pdf(of("#panic() #pagebreak() $x$ @a")).count(b"/Type /Page\n") == write_pdf(of("plain")).count(
        b"/Type /Page\n"
    )


def test_long_words_can_be_broken_and_short_ones_stay() -> None:
    assert breakable("x" * 50).replace("\u200b", "") == "x" * 50
    assert max(map(len, breakable("x" * 500).split("\u200b"))) <= pdf.LONGEST_WORD
    assert breakable(MARKUP.split()[0][:20]) == MARKUP.split()[0][:20]


def test_a_report_in_scripts_that_no_font_has_is_set_and_says_so() -> None:
    text = "Где 中文 한국어 العربية 😀"
    said = json.loads(document(of(text)))["lacking"]
    # Whether there are fonts for all of them is this machine's own affair.
    assert said == (in_words(lacking) if (lacking := glyphless(text)) else "")
    assert json.loads(document(of("plain")))["lacking"] == ""
    assert write_pdf(of(text)).startswith(b"%PDF-")


def test_a_report_that_would_take_minutes_is_refused() -> None:
    with pytest.raises(ReportTooLong):
        write_pdf(of("word " * (pdf.LARGEST // 5)))


def test_without_the_extra_the_answer_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(PdfNotInstalled, match=r"netra\[pdf\]"):
        write_pdf(of("x"))


async def test_whoever_waits_too_long_is_told_and_the_next_is_served() -> None:
    press = Press(patience=0.0)
    async with asyncio.timeout(60):
        first = asyncio.create_task(Press.set(busy := Press(patience=30.0), of("one")))
        assert (await asyncio.gather(first, busy.set(of("two"))))[1].startswith(b"%PDF-")
        with pytest.raises(PressBusy):
            # Two at once, and no patience: one of them is told.
            await asyncio.gather(press.set(of("a")), press.set(of("b")))
