"""A report as one page of HTML, read by a parser that knows no mercy."""

import re
from html.parser import HTMLParser

from netra.agents.export.edition import edit
from netra.agents.export.page import write_page
from tests.agents.export.hostile import AT, HEBREW, MARKUP, hostile_report

REPORT = hostile_report()
PAGE = write_page(edit(REPORT.title, REPORT.model_dump(mode="json"), AT))
VOID = {"meta"}


class Reader(HTMLParser):
    """Notes what is there, and that whatever is opened is closed."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader


def test_it_is_whole_and_runs_and_fetches_nothing() -> None:
    reader = read(PAGE)
    assert reader.open == []
    assert not {"script", "link", "img", "iframe", "a", "base", "form"} & set(reader.tags)
    assert not [name for name, _ in reader.attributes if name.startswith("on") or name in ("src", "href", "style")]
    assert "default-src 'none'" in PAGE
    assert not re.search(r"url\(|@import", PAGE)


def test_names_are_shown_as_they_are() -> None:
    text = read(PAGE).text
    assert f"Spend of {MARKUP}" in text
    assert HEBREW in " ".join(text)


def test_every_id_is_there_once_and_every_reference_leads_to_one() -> None:
    reader = read(PAGE)
    assert len(reader.ids) == len(set(reader.ids))
    named = [name for attribute, value in reader.attributes if attribute == "aria-labelledby" for name in value.split()]
    assert named and set(named) <= set(reader.ids)


def test_every_chart_has_its_values_beneath() -> None:
    reader = read(PAGE)
    charts = sum(len(section.charts) for section in REPORT.sections)
    assert reader.tags.count("svg") == reader.tags.count("figure") == charts
    assert PAGE.count("Values: ") >= charts
