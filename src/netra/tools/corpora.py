"""Corpora: a user's own texts, kept under names of their own, and found again by the words in them.

Search is PostgreSQL's: each corpus has a language, whose rules reduce words to what is searched for, so that *indexes* finds
*index*. A name belongs to its owner alone; somebody else's corpus of the same name is another corpus.

Changes to one user's corpora take turns (see `corpora.sql`), so that the bounds below hold exactly, on however many processes
the calls arrive.
"""

import html
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from psycopg.errors import ProgramLimitExceeded
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from pydantic import BaseModel, ConfigDict, Field

from netra.db.database import Connection
from netra.db.sql import NamedQueries
from netra.errors import Conflict, InvalidInput, NotFound
from netra.events.codec import encode
from netra.ids import UserId, new_uuid
from netra.protocols.value import objection
from netra.tools.tool import Call, Tool, tool

QUERIES: Final = NamedQueries("netra.tools", "corpora.sql")

MOST_CORPORA: Final = 100
MOST_DOCUMENTS: Final = 10_000
"""In one corpus."""
MOST_IN_A_CALL: Final = 200
LARGEST_TEXT: Final = 256 * 1024
"""Bytes of a document's text. Its words then fit into what PostgreSQL searches, which holds one mebibyte."""
LARGEST_METADATA: Final = 16 * 1024
"""Bytes as JSON."""
ANSWER_BYTES: Final = 192 * 1024
"""Of a page as JSON: with what is around it, an answer stays below 200 KB."""
LONGEST_SNIPPET: Final = 1000
"""Characters. A snippet is a few dozen words; a word may be as long as the text."""
BEGINNING: Final = 300
"""Characters of a document that a list shows."""
PART: Final = 40_000
"""Characters of a document that are read at once; six bytes each, at the worst, as JSON."""

# Where a found word begins and ends in a snippet, until the rest has been made harmless. Unicode keeps these two for the
# inside of programs; they are taken out of a text before it is marked, so a document cannot mark anything itself.
MARKS: Final = "\ufdd0\ufdd1"
HEADLINE: Final = f'StartSel={MARKS[0]}, StopSel={MARKS[1]}, MaxFragments=2, MinWords=10, MaxWords=30, FragmentDelimiter=" … "'


class UnknownCorpus(NotFound):
    """You have no corpus of that name."""

    code = "unknown_corpus"


class UnknownDocument(NotFound):
    """There is no document of that id in the corpus."""

    code = "unknown_document"


class CorpusExists(Conflict):
    """You have a corpus of that name already."""

    code = "corpus_exists"


class TooManyCorpora(Conflict):
    """You have as many corpora as one user may; delete one."""

    code = "too_many_corpora"


class CorpusFull(Conflict):
    """The corpus would hold more documents than one may; nothing of this was kept."""

    code = "corpus_full"


class Document(BaseModel):
    """A text, under an id that its owner chose."""

    model_config = ConfigDict(extra="forbid")
    id: Annotated[str, Field(min_length=1, max_length=200, description="Your own name for it; one of the same is replaced.")]
    text: Annotated[str, Field(max_length=LARGEST_TEXT, description="At most 256 KiB.")]
    title: Annotated[str, Field(max_length=500)] = ""
    metadata: Annotated[dict[str, Any], Field(description="Given back as it is.")] = {}


CorpusName = Annotated[str, Field(min_length=1, max_length=100, description="Your own name for the corpus.")]
Description = Annotated[str, Field(max_length=1000)]
Documents = Annotated[list[Document], Field(max_length=MOST_IN_A_CALL)]


@tool("create_corpus", category="data", permission="data_management", atomic=True)
async def create_corpus(
    call: Call,
    name: CorpusName,
    description: Description = "",
    language: Annotated[str, Field(max_length=63, description="A text-search configuration of PostgreSQL.")] = "english",
    documents: Documents = [],  # noqa: B006 - read only
) -> dict[str, Any]:
    """Begin a corpus of your own texts, perhaps with its first documents; `query_corpus` then finds them."""
    connection = call.transaction.connection
    _check_text("name", name)
    _check_text("description", description)
    _check_documents(documents, "documents")
    known = [row["cfgname"] for row in await _fetch(connection, "languages")]
    if language not in known:
        raise InvalidInput(f"The language is one of {', '.join(known)}.", field="arguments.language")
    await _take_turn(call)
    corpus_id = new_uuid()
    cursor = await connection.execute(
        QUERIES["add_corpus"],
        {
            "user_id": call.user_id,
            "id": corpus_id,
            "name": name,
            "description": description,
            "language": language,
            "most": MOST_CORPORA,
        },
    )
    count, added = await cursor.fetchone() or (0, False)
    if not added and count >= MOST_CORPORA:
        raise TooManyCorpora(f"You have {MOST_CORPORA} corpora, which are the most; delete one.")
    if not added:
        raise CorpusExists
    await _put(connection, call.user_id, corpus_id, documents)
    return await _find(connection, call.user_id, name)


@tool("modify_corpus", category="data", permission="data_management", atomic=True)
async def modify_corpus(
    call: Call,
    corpus: CorpusName,
    put: Annotated[list[Document], Field(max_length=MOST_IN_A_CALL, description="Documents to add or replace.")] = [],  # noqa: B006 - read only
    remove: Annotated[
        list[Annotated[str, Field(max_length=200)]], Field(max_length=MOST_IN_A_CALL, description="Ids of documents to forget.")
    ] = [],  # noqa: B006 - read only
    name: Annotated[CorpusName | None, Field(description="Another name for it.")] = None,
    description: Description | None = None,
) -> dict[str, Any]:
    """Add, replace and remove documents of a corpus, rename it, describe it anew: all of what is asked, or nothing."""
    if not put and not remove and name is None and description is None:
        raise InvalidInput("Nothing is to be changed: give put, remove, name or description.", field="arguments")
    for field, value in (("corpus", corpus), ("name", name), ("description", description), ("remove", remove)):
        _check_text(field, value)
    _check_documents(put, "put")
    if both := {document.id for document in put} & set(remove):
        raise InvalidInput(f"The document {min(both)!r} is to be put and to be removed.", field="arguments.remove")
    connection = call.transaction.connection
    await _take_turn(call)
    found = await _find(connection, call.user_id, corpus)
    whose = {"user_id": call.user_id, "id": found["id"], "corpus_id": found["id"]}
    changed = await connection.execute(QUERIES["change_corpus"], {**whose, "name": name, "description": description})
    if changed.rowcount == 0:
        raise CorpusExists
    gone = {row["id"] for row in await _fetch(connection, "remove_documents", {**whose, "ids": list(remove)})}
    documents = await _put(connection, call.user_id, found["id"], put)
    added = documents - (found["documents"] - len(gone))
    return {
        "corpus": await _find(connection, call.user_id, corpus if name is None else name),
        "added": added,
        "replaced": len(put) - added,
        "removed": len(gone),
        "not_found": sorted(set(remove) - gone),
    }


@tool("corpus_manager", category="data", permission="data_management", atomic=True)
async def look_after_corpora(
    call: Call,
    action: Annotated[
        Literal["list", "describe", "read", "delete"],
        Field(description="`list` your corpora; `describe`, `read` or `delete` one."),
    ],
    corpus: CorpusName | None = None,
    document: Annotated[
        str | None, Field(max_length=200, description="For `read`: the text of this document, and not the list of all.")
    ] = None,
    offset: Annotated[int, Field(ge=0, le=LARGEST_TEXT, description="The character of the document to read on from.")] = 0,
    after: Annotated[str, Field(max_length=200, description="The `next_after` of the page before.")] = "",
    limit: Annotated[int, Field(ge=1, le=100, description="Entries at most; fewer when they are large.")] = 50,
) -> dict[str, Any]:
    """List your corpora, or describe, read or delete one of them."""
    for field, value in (("corpus", corpus), ("document", document), ("after", after)):
        _check_text(field, value)
    connection, whose = call.transaction.connection, {"user_id": call.user_id}
    if action == "list":
        rows = await _fetch(connection, "list_corpora", {**whose, "after": after, "limit": limit + 1})
        return _page("corpora", rows, limit, "name")
    if corpus is None:
        raise InvalidInput(f"Say which corpus to {action}.", field="arguments.corpus")
    if action == "delete":
        await _take_turn(call)
    found = await _find(connection, call.user_id, corpus)
    whose["corpus_id"] = found["id"]
    if action == "describe":
        return found
    if action == "delete":
        await connection.execute(QUERIES["delete_corpus"], {"user_id": call.user_id, "id": found["id"]})
        return {"deleted": found["name"], "documents": found["documents"]}
    if document is not None:
        return await _read(connection, whose, document, offset)
    rows = await _fetch(connection, "list_documents", {**whose, "after": after, "limit": limit + 1, "beginning": BEGINNING})
    return {"corpus": found["name"], **_page("documents", rows, limit, "id")}


@tool("query_corpus", category="analytics", permission="analytics", atomic=True)
async def query_corpus(
    call: Call,
    query: Annotated[
        str,
        Field(max_length=1000, description='Words, "phrases in quotation marks", `or`, and `-` before what must not be there.'),
    ],
    corpus: Annotated[CorpusName | None, Field(description="Search only this one; all of yours by default.")] = None,
    limit: Annotated[int, Field(ge=1, le=50, description="Hits at most; fewer when they are large.")] = 10,
    offset: Annotated[int, Field(ge=0, le=100_000, description="The `next_offset` of the page before.")] = 0,
) -> dict[str, Any]:
    """Find documents in your corpora by their words, the best first; a `snippet` is HTML, with what was found in `<mark>`."""
    _check_text("query", query)
    _check_text("corpus", corpus)
    if not query.strip():
        raise InvalidInput("The query is empty.", field="arguments.query")
    connection = call.transaction.connection
    asked = {"user_id": call.user_id, "query": query, "name": corpus}
    searched = await _fetch(connection, "read_queries", asked)
    if corpus is not None and not searched:
        raise UnknownCorpus
    if searched and not any(row["nodes"] for row in searched):
        raise InvalidInput(
            "The query holds only words that are too common to be searched for, or none at all.", field="arguments.query"
        )
    rows = await _fetch(connection, "search", {**asked, "marks": MARKS, "options": HEADLINE, "limit": limit, "offset": offset})
    total = rows[0].pop("total")
    hits = [
        {**{name: value for name, value in row.items() if name != "total"}, "snippet": marked(row["snippet"])}
        for row in rows
        if row["document"] is not None
    ]
    shown = hits[: _fitting(hits)]
    reached = offset + len(shown)
    return {
        "total": total,
        "hits": shown,
        "next_offset": reached if shown and reached < total else None,
        "searched": [row["name"] for row in searched if row["nodes"]],
        # In another language the same words may all be common ones.
        "passed_over": [row["name"] for row in searched if not row["nodes"]],
    }


CORPUS_TOOLS: Final[Sequence[Tool]] = (create_corpus, modify_corpus, look_after_corpora, query_corpus)


def marked(snippet: str) -> str:
    """A snippet as HTML that holds nothing but text and `<mark>`, whatever the document held."""
    cut = snippet[:LONGEST_SNIPPET]
    open_at_the_end = cut.count(MARKS[0]) > cut.count(MARKS[1])
    text = html.escape(cut).replace(MARKS[0], "<mark>").replace(MARKS[1], "</mark>")
    return f"{text}</mark>" if open_at_the_end else text


async def _fetch(connection: Connection, query: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(QUERIES[query], parameters)
        return await cursor.fetchall()


async def _take_turn(call: Call) -> None:
    await call.transaction.connection.execute(QUERIES["take_turn"], {"user_id": call.user_id})


async def _find(connection: Connection, user_id: UserId, name: str) -> dict[str, Any]:
    """A corpus of the user's, and what it holds. Raises `UnknownCorpus`."""
    found = await _fetch(connection, "find_corpus", {"user_id": user_id, "name": name})
    if not found:
        raise UnknownCorpus
    return found[0]


async def _put(connection: Connection, user_id: UserId, corpus_id: UUID, documents: Sequence[Document]) -> int:
    """Add documents, or replace those of their ids; returns how many the corpus holds then. Raises `CorpusFull`."""
    whose = {"user_id": user_id, "corpus_id": corpus_id}
    if documents:
        new = {
            "ids": [document.id for document in documents],
            "titles": [document.title for document in documents],
            "bodies": [document.text for document in documents],
            "metadata": [Jsonb(document.metadata) for document in documents],
        }
        try:
            await connection.execute(QUERIES["put_documents"], {**whose, **new})
        except ProgramLimitExceeded:
            # Words of one text that take more than a mebibyte, by a language's rules that make several of one.
            raise InvalidInput("A document holds more different words than can be searched; divide it.") from None
    count = int((await _fetch(connection, "count_documents", whose))[0]["count"])
    if count > MOST_DOCUMENTS:
        raise CorpusFull(f"The corpus would hold {count:,} documents; {MOST_DOCUMENTS:,} are the most. Nothing was kept.")
    return count


async def _read(connection: Connection, whose: Mapping[str, Any], document: str, offset: int) -> dict[str, Any]:
    rows = await _fetch(connection, "read_document", {**whose, "id": document, "offset": offset, "length": PART})
    if not rows:
        raise UnknownDocument
    shown = rows[0]
    while len(encode(shown)) > ANSWER_BYTES:
        shown["text"] = shown["text"][: len(shown["text"]) * 3 // 4]
    reached = offset + len(shown["text"])
    return {**shown, "offset": offset, "next_offset": reached if reached < shown["characters"] else None}


def _page(name: str, rows: Sequence[Mapping[str, Any]], limit: int, key: str) -> dict[str, Any]:
    """As many rows as are wanted and fit, and where the next page begins."""
    shown = rows[: min(limit, _fitting(rows))]
    return {name: shown, "next_after": shown[-1][key] if len(shown) < len(rows) else None}


def _fitting(rows: Sequence[Mapping[str, Any]]) -> int:
    """How many of the first rows an answer has room for; one at least, where there is one."""
    room = ANSWER_BYTES
    for nth, row in enumerate(rows):
        room -= len(encode(row)) + 1
        if room < 0:
            return max(nth, 1)
    return len(rows)


def _check_documents(documents: Sequence[Document], field: str) -> None:
    """Refuse what could not be kept, with the place named."""
    seen: set[str] = set()
    for nth, document in enumerate(documents):
        place = f"{field}.{nth}"
        _check_text(place, document.model_dump())
        if document.id in seen:
            raise InvalidInput(f"The document {document.id!r} is given twice.", field=f"arguments.{place}.id")
        seen.add(document.id)
        if len(document.text.encode()) > LARGEST_TEXT:
            raise InvalidInput(f"A document's text has at most {LARGEST_TEXT:,} bytes.", field=f"arguments.{place}.text")
        if len(encode(document.metadata)) > LARGEST_METADATA:
            raise InvalidInput(
                f"A document's metadata has at most {LARGEST_METADATA:,} bytes as JSON.", field=f"arguments.{place}.metadata"
            )


def _check_text(field: str, value: Any) -> None:
    if (words := objection(value)) is not None:
        raise InvalidInput(f"{field} {words}.", field=f"arguments.{field}")
