import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from netra.db.database import Database
from netra.errors import InvalidInput, NetraError
from netra.events.codec import encode
from netra.ids import UserId
from netra.tools import corpora
from netra.tools.corpora import (
    LONGEST_SNIPPET,
    MARKS,
    CorpusExists,
    CorpusFull,
    TooManyCorpora,
    UnknownCorpus,
    UnknownDocument,
    marked,
)
from netra.tools.gate import ToolCaller
from netra.tools.toolbox import Toolbox
from tests.tools.conftest import give

WHALE = {"id": "whale", "title": "On whales", "text": "Call me Ishmael. The whales were swimming before the ships."}
TAX = {"id": "tax", "title": "On taxes", "text": "Every ship that enters the harbour pays a tax.", "metadata": {"year": 1851}}


@pytest.fixture(autouse=True)
async def they_may(database: Database, alice: UserId, bob: UserId) -> None:
    for user in (alice, bob):
        await give(database, user, "developer", "user", "*")


async def call(toolbox: Toolbox, user_id: UserId, name: str, /, **arguments: Any) -> Any:
    return await toolbox.call(ToolCaller(user_id, "http"), name, arguments)


async def found(toolbox: Toolbox, user_id: UserId, query: str, **arguments: Any) -> list[str]:
    return [hit["document"] for hit in (await call(toolbox, user_id, "query_corpus", query=query, **arguments))["hits"]]


def documents(*ids: str, text: str = "words") -> list[dict[str, str]]:
    return [{"id": name, "text": text} for name in ids]


async def rows(database: Database, query: Any) -> Sequence[tuple[Any, ...]]:
    async with database.system().transaction() as connection:
        return await (await connection.execute(query)).fetchall()


async def test_a_corpus_is_described_as_it_was_made(toolbox: Toolbox, alice: UserId) -> None:
    made = await call(toolbox, alice, "create_corpus", name="sea", description="Of ships.", documents=[WHALE, TAX])
    assert (made["name"], made["description"], made["language"]) == ("sea", "Of ships.", "english")
    assert (made["documents"], made["bytes"]) == (2, len(WHALE["text"]) + len(str(TAX["text"])))
    assert await call(toolbox, alice, "corpus_manager", action="describe", corpus="sea") == made
    assert (await call(toolbox, alice, "corpus_manager", action="list"))["corpora"] == [made]


async def test_words_are_found_in_all_of_their_forms_the_best_document_first(toolbox: Toolbox, alice: UserId) -> None:
    await call(toolbox, alice, "create_corpus", name="sea", documents=[WHALE, TAX])
    answer = await call(toolbox, alice, "query_corpus", query="whale swim")
    (hit,) = answer["hits"]
    assert (answer["total"], hit["corpus"], hit["document"], hit["title"]) == (1, "sea", "whale", "On whales")
    assert "The <mark>whales</mark> were <mark>swimming</mark>" in hit["snippet"]
    # A title counts for more than a text.
    assert await found(toolbox, alice, "taxes or ships") == ["tax", "whale"]
    assert await found(toolbox, alice, "ship -whale") == ["tax"]
    assert await found(toolbox, alice, '"call me ishmael"') == ["whale"]
    assert (await call(toolbox, alice, "query_corpus", query="tax"))["hits"][0]["metadata"] == {"year": 1851}


async def test_each_corpus_is_searched_by_the_rules_of_its_language(toolbox: Toolbox, alice: UserId) -> None:
    await call(toolbox, alice, "create_corpus", name="haus", language="german", documents=documents("a", text="viele Häuser"))
    await call(toolbox, alice, "create_corpus", name="house", documents=documents("b", text="these houses"))
    assert await found(toolbox, alice, "Haus") == ["a"]
    assert await found(toolbox, alice, "house") == ["b"]
    # A common word in one of two languages is searched for in the other.
    answer = await call(toolbox, alice, "query_corpus", query="these")
    assert (answer["searched"], answer["passed_over"]) == (["haus"], ["house"])


@pytest.mark.parametrize("query", ["", "  ", "the and of", "!!!", '""', "-"])
async def test_a_query_that_asks_for_nothing_says_so(toolbox: Toolbox, alice: UserId, query: str) -> None:
    await call(toolbox, alice, "create_corpus", name="sea", documents=[WHALE])
    with pytest.raises(InvalidInput) as caught:
        await call(toolbox, alice, "query_corpus", query=query)
    assert caught.value.extra["field"] == "arguments.query"


async def test_somebody_without_a_corpus_finds_nothing(toolbox: Toolbox, alice: UserId) -> None:
    answer = await call(toolbox, alice, "query_corpus", query="whale")
    assert answer == {"total": 0, "hits": [], "next_offset": None, "searched": [], "passed_over": []}


async def test_pages_show_every_hit_once(toolbox: Toolbox, alice: UserId) -> None:
    names = [f"{nth:02}" for nth in range(25)]
    await call(toolbox, alice, "create_corpus", name="many", documents=documents(*names))
    seen: list[str] = []
    offset: int | None = 0
    while offset is not None:
        page = await call(toolbox, alice, "query_corpus", query="words", limit=10, offset=offset)
        seen += [hit["document"] for hit in page["hits"]]
        offset = page["next_offset"]
        assert page["total"] == 25
    assert seen == names
    beyond = await call(toolbox, alice, "query_corpus", query="words", offset=100)
    assert (beyond["total"], beyond["hits"], beyond["next_offset"]) == (25, [], None)


async def test_no_document_puts_markup_into_its_snippet(toolbox: Toolbox, alice: UserId) -> None:
    text = f"<script>alert(1)</script> <b onclick='x'>whale</b> {MARKS[0]}forged{MARKS[1]} & <mark>own</mark>"
    await call(toolbox, alice, "create_corpus", name="bad", documents=documents("a", text=text))
    (hit,) = (await call(toolbox, alice, "query_corpus", query="whale"))["hits"]
    without = hit["snippet"].replace("<mark>", "").replace("</mark>", "")
    assert not set("<>\"'") & set(without)
    assert hit["snippet"].count("<mark>") == hit["snippet"].count("</mark>") == 1
    assert "<mark>whale</mark>" in hit["snippet"]


def test_a_snippet_that_is_cut_inside_a_mark_ends_it() -> None:
    assert marked(MARKS[0] + "x" * 2 * LONGEST_SNIPPET) == f"<mark>{'x' * (LONGEST_SNIPPET - 1)}</mark>"


async def test_documents_are_added_replaced_and_removed_in_one_call(toolbox: Toolbox, alice: UserId) -> None:
    await call(toolbox, alice, "create_corpus", name="sea", documents=documents("a", "b", text="old"))
    changed = await call(
        toolbox, alice, "modify_corpus", corpus="sea", put=documents("b", "c", text="new"), remove=["a", "zzz"], name="ocean"
    )
    assert {name: value for name, value in changed.items() if name != "corpus"} == {
        "added": 1,
        "replaced": 1,
        "removed": 1,
        "not_found": ["zzz"],
    }
    assert (changed["corpus"]["name"], changed["corpus"]["documents"]) == ("ocean", 2)
    assert await found(toolbox, alice, "old") == []
    assert await found(toolbox, alice, "new", corpus="ocean") == ["b", "c"]


async def test_a_change_that_cannot_be_made_whole_changes_nothing(
    toolbox: Toolbox, alice: UserId, monkeypatch: pytest.MonkeyPatch
) -> None:
    await call(toolbox, alice, "create_corpus", name="sea", documents=documents("a"))
    await call(toolbox, alice, "create_corpus", name="land")
    monkeypatch.setattr(corpora, "MOST_DOCUMENTS", 2)
    refusals: list[tuple[type[NetraError], dict[str, Any]]] = [
        (CorpusFull, {"put": documents("b", "c"), "description": "changed"}),
        (CorpusExists, {"remove": ["a"], "name": "land"}),
        (InvalidInput, {"put": documents("a"), "remove": ["a"]}),
        (InvalidInput, {"put": documents("b", "b")}),
        (InvalidInput, {}),
    ]
    before = await call(toolbox, alice, "corpus_manager", action="describe", corpus="sea")
    for kind, change in refusals:
        with pytest.raises(kind):
            await call(toolbox, alice, "modify_corpus", corpus="sea", **change)
    assert await call(toolbox, alice, "corpus_manager", action="describe", corpus="sea") == before


async def test_a_name_is_its_owners_alone(toolbox: Toolbox, alice: UserId, bob: UserId) -> None:
    for user, word in ((alice, "amber"), (bob, "basalt")):
        await call(toolbox, user, "create_corpus", name="mine", documents=documents("doc", text=word))
    with pytest.raises(CorpusExists):
        await call(toolbox, alice, "create_corpus", name="mine")
    assert await found(toolbox, alice, "amber or basalt") == ["doc"]
    assert await found(toolbox, alice, "basalt") == []
    await call(toolbox, alice, "corpus_manager", action="delete", corpus="mine")
    assert await found(toolbox, bob, "basalt") == ["doc"]
    for name, arguments in (
        ("corpus_manager", {"action": "read", "corpus": "mine"}),
        ("modify_corpus", {"corpus": "mine", "remove": ["doc"]}),
        ("query_corpus", {"query": "basalt", "corpus": "mine"}),
    ):
        with pytest.raises(UnknownCorpus):
            await call(toolbox, alice, name, **arguments)


async def test_two_users_at_once_over_the_same_names_never_meet(toolbox: Toolbox, alice: UserId, bob: UserId) -> None:
    async def work(user: UserId, mark: str) -> None:
        for nth in range(5):
            await call(toolbox, user, "create_corpus", name=f"c{nth}", documents=documents("a", "b", text=f"shared {mark}"))
            await call(toolbox, user, "modify_corpus", corpus=f"c{nth}", put=documents("a", text=f"{mark} anew"), remove=["b"])
            hits = (await call(toolbox, user, "query_corpus", query="shared or anew", limit=50))["hits"]
            assert len(hits) == nth + 1
            assert all(mark in hit["snippet"] for hit in hits)

    async with asyncio.timeout(60):
        await asyncio.gather(work(alice, "amber"), work(bob, "basalt"), work_elsewhere(toolbox, alice))
    for user, mark in ((alice, "amber"), (bob, "basalt")):
        assert len(await found(toolbox, user, mark, limit=50)) == 5


async def work_elsewhere(toolbox: Toolbox, user: UserId) -> None:
    """The same user, at the same time, with corpora that come and go."""
    for nth in range(5):
        await call(toolbox, user, "create_corpus", name=f"gone {nth}", documents=documents("a", text="nothing"))
        await call(toolbox, user, "corpus_manager", action="delete", corpus=f"gone {nth}")


async def test_bounds_hold_exactly_when_calls_come_at_once(
    toolbox: Toolbox, database: Database, alice: UserId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpora, "MOST_CORPORA", 3)
    monkeypatch.setattr(corpora, "MOST_DOCUMENTS", 5)
    async with asyncio.timeout(60):
        made = await asyncio.gather(
            *(call(toolbox, alice, "create_corpus", name=f"c{nth}") for nth in range(8)), return_exceptions=True
        )
        assert [type(answer) for answer in made if isinstance(answer, Exception)] == [TooManyCorpora] * 5
        (name,) = (await call(toolbox, alice, "corpus_manager", action="list", limit=1))["corpora"][0]["name"].split()
        put = await asyncio.gather(
            *(call(toolbox, alice, "modify_corpus", corpus=name, put=documents(f"d{nth}")) for nth in range(8)),
            return_exceptions=True,
        )
        assert [type(answer) for answer in put if isinstance(answer, Exception)] == [CorpusFull] * 3
    assert await rows(database, "SELECT count(*) FROM corpus") == [(3,)]
    assert await rows(database, "SELECT count(*) FROM document") == [(5,)]


async def test_of_one_name_asked_for_at_once_one_corpus_comes_to_be(
    toolbox: Toolbox, database: Database, alice: UserId
) -> None:
    async with asyncio.timeout(60):
        made = await asyncio.gather(
            *(call(toolbox, alice, "create_corpus", name="same") for _ in range(6)), return_exceptions=True
        )
    assert [type(answer) for answer in made if isinstance(answer, Exception)] == [CorpusExists] * 5
    assert await rows(database, "SELECT name FROM corpus") == [("same",)]


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("name", {"name": "a\0b"}),
        ("name", {"name": ""}),
        ("description", {"name": "a", "description": "\0"}),
        ("language", {"name": "a", "language": "klingon"}),
        ("documents.0", {"name": "a", "documents": [{"id": "\0", "text": ""}]}),
        ("documents.0", {"name": "a", "documents": [{"id": "a", "text": "\0"}]}),
        ("documents.0", {"name": "a", "documents": [{"id": "a", "text": "", "metadata": {"n": 2**70}}]}),
        ("documents.0.text", {"name": "a", "documents": [{"id": "a", "text": "é" * 200_000}]}),
        ("documents.0.text", {"name": "a", "documents": [{"id": "a", "text": "half \ud800"}]}),
        ("documents.0.metadata", {"name": "a", "documents": [{"id": "a", "text": "", "metadata": {"n": "x" * 20_000}}]}),
        ("documents", {"name": "a", "documents": [{"id": str(nth), "text": ""} for nth in range(201)]}),
    ],
)
async def test_what_cannot_be_kept_is_refused_by_its_place_and_nothing_is_begun(
    toolbox: Toolbox, database: Database, alice: UserId, field: str, arguments: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput) as caught:
        await call(toolbox, alice, "create_corpus", **arguments)
    assert caught.value.extra["field"] == f"arguments.{field}"
    assert await rows(database, "SELECT * FROM corpus") == []


async def test_a_text_of_the_largest_size_is_kept_and_read_in_parts(toolbox: Toolbox, alice: UserId) -> None:
    text = " ".join(f"w{nth}é" for nth in range(30_000))
    assert 250_000 < len(text.encode()) <= 256 * 1024
    await call(toolbox, alice, "create_corpus", name="big", documents=[{"id": "a", "text": text, "metadata": {"kept": [1]}}])
    assert await found(toolbox, alice, "w29999é") == ["a"]
    read = ""
    offset: int | None = 0
    while offset is not None:
        part = await call(toolbox, alice, "corpus_manager", action="read", corpus="big", document="a", offset=offset)
        assert len(encode(part)) < 200_000
        read += part["text"]
        offset = part["next_offset"]
    assert read == text
    with pytest.raises(UnknownDocument):
        await call(toolbox, alice, "corpus_manager", action="read", corpus="big", document="b")


async def test_lists_of_large_entries_stay_small_and_lose_none(toolbox: Toolbox, alice: UserId) -> None:
    names = [f"{nth:03}" for nth in range(60)]
    large = [{"id": name, "text": "word " * 100, "metadata": {"n": "x" * 15_000}} for name in names]
    await call(toolbox, alice, "create_corpus", name="large", documents=large)
    for name, action, query in (("corpus_manager", "read", None), ("query_corpus", None, "word")):
        seen: list[str] = []
        more: dict[str, Any] | None = {}
        while more is not None:
            given = {"action": action, "limit": 100} if query is None else {"query": query, "limit": 50}
            page = await call(toolbox, alice, name, corpus="large", **given, **more)
            assert len(encode(page)) < 200_000
            seen += [entry.get("document", entry.get("id")) for entry in page.get("hits", page.get("documents"))]
            key, place = next((key, page[key]) for key in ("next_after", "next_offset") if key in page)
            more = None if place is None else {key.removeprefix("next_"): place}
        assert seen == names


async def test_reading_one_corpus_asks_which(toolbox: Toolbox, alice: UserId) -> None:
    with pytest.raises(InvalidInput) as caught:
        await call(toolbox, alice, "corpus_manager", action="describe")
    assert caught.value.extra["field"] == "arguments.corpus"
