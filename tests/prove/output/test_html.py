import re
from html.parser import HTMLParser

from netra.prove.output.html import write
from netra.prove.verdict import judge
from tests.prove.histories import NOON, Told


class Nesting(HTMLParser):
    """Every tag that is opened is closed, in order."""

    VOID = frozenset({"meta", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag that closes itself."""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def page() -> str:
    history = Told().done("read_log", 1).at(2).event(1, 1).event(1, 1, digest="<script>alert(1)</script>")
    history.see("foreign", "WebSocket", 1, owner=2, excerpt="<script>alert(2)</script>", where="a <b>frame</b>")
    history.at(5).see("fault", "readers-cut", ended=True, began_at=1.0, bites=3, neighbours=[])
    return write(
        judge(history.records),
        history.records,
        seed=7,
        command="netra prove --seed 7",
        began_at=NOON,
        smallest=tuple(history.records),
    )


def test_the_page_is_whole_and_loads_nothing() -> None:
    nesting = Nesting()
    nesting.feed(page())
    assert nesting.open == []
    assert re.search(r"(src|href)\s*=|https?://|@import|url\(", page()) is None


def test_what_a_server_has_sent_is_text() -> None:
    assert "<script>" not in page()
    assert "&lt;script&gt;alert(2)" in page()


def test_it_tells_the_verdict_the_seed_and_the_faults() -> None:
    assert "Breach: a promise was broken." in page()
    assert "netra prove --seed 7" in page()
    assert "readers-cut" in page()


def test_an_empty_history_has_a_page_too() -> None:
    assert "Inconclusive" in write(judge([]), [], seed=1, command="netra prove", began_at=NOON, smallest=())


def test_what_is_not_applicable_has_a_row_that_says_so() -> None:
    text = write(judge(Told().target("resume").records), [], seed=1, command="netra prove", began_at=NOON, smallest=())
    assert "<td>not applicable: no plans, no tools</td>" in text
