"""Files that tools made, over a real database."""

import asyncio
import hashlib
from typing import Any

import pytest

from netra.datasets import artifacts as store
from netra.datasets.artifacts import ArtifactInfo, Artifacts, ArtifactsFull, ArtifactTooLarge, checked_name
from netra.db.database import Database
from netra.errors import InvalidInput, NotFound
from netra.ids import ArtifactId, UserId, new_uuid

BODY = bytes(range(256)) * 4


@pytest.fixture
def artifacts(database: Database) -> Artifacts:
    return Artifacts(database, room=3000)


async def add(artifacts: Artifacts, user_id: UserId, body: bytes = BODY, artifact_id: ArtifactId | None = None) -> ArtifactInfo:
    return await artifacts.add(user_id, artifact_id or ArtifactId(new_uuid()), "rows.csv", "text/csv", "test", body)


async def test_a_file_is_kept_as_it_was_made(artifacts: Artifacts, alice: UserId) -> None:
    kept = await add(artifacts, alice)
    assert (kept.name, kept.media_type, kept.tool, kept.bytes) == ("rows.csv", "text/csv", "test", len(BODY))
    assert kept.sha256 == hashlib.sha256(BODY).hexdigest()
    assert await artifacts.get(alice, kept.id) == kept
    assert await artifacts.read(alice, kept.id) == BODY
    assert await artifacts.list(alice, None, 10) == [kept]


async def test_a_call_that_is_begun_again_finds_its_file(artifacts: Artifacts, alice: UserId) -> None:
    kept = await add(artifacts, alice)
    assert await add(artifacts, alice, BODY, kept.id) == kept
    assert await artifacts.list(alice, None, 10) == [kept]


async def test_somebody_elses_file_is_unknown_and_its_id_is_free(artifacts: Artifacts, alice: UserId, bob: UserId) -> None:
    theirs = await add(artifacts, bob)
    for attempt in (artifacts.get, artifacts.read, artifacts.delete):
        with pytest.raises(NotFound):
            await attempt(alice, theirs.id)
    mine = await add(artifacts, alice, b"mine", theirs.id)
    assert (await artifacts.read(alice, mine.id), await artifacts.read(bob, theirs.id)) == (b"mine", BODY)


async def test_what_one_user_keeps_is_bounded_exactly_and_another_has_room_of_their_own(
    artifacts: Artifacts, alice: UserId, bob: UserId
) -> None:
    async with asyncio.timeout(30):
        tried = await asyncio.gather(*(add(artifacts, alice) for _ in range(6)), return_exceptions=True)
    refused = [answer for answer in tried if isinstance(answer, BaseException)]
    assert [type(answer) for answer in refused] == [ArtifactsFull] * 4
    await add(artifacts, bob)
    kept = await artifacts.list(alice, None, 10)
    with pytest.raises(ArtifactsFull) as caught:
        await add(artifacts, alice)
    assert caught.value.extra == {"room": 3000, "used": 2 * len(BODY)}
    # A file that is there already takes no more room, and one that is gone takes none.
    await add(artifacts, alice, BODY, kept[0].id)
    await artifacts.delete(alice, kept[0].id)
    await add(artifacts, alice)


async def test_a_file_that_is_too_large_is_refused(
    artifacts: Artifacts, alice: UserId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "LARGEST_ARTIFACT", 10)
    with pytest.raises(ArtifactTooLarge):
        await add(artifacts, alice)
    assert await artifacts.list(alice, None, 10) == []


async def test_a_list_goes_on_where_it_ended(artifacts: Artifacts, alice: UserId) -> None:
    made = [(await add(artifacts, alice, b"x")).id for _ in range(5)]
    seen: list[Any] = []
    before = None
    while page := await artifacts.list(alice, before, 2):
        seen += [info.id for info in page]
        before = page[-1].created_at, page[-1].id
    assert seen == made[::-1]


@pytest.mark.parametrize("name", ["", " ", ".", "..", "a/b", "a\\b", 'a"b', "a:b", "a\nb", "a\0", "x" * 101, "\u202e"])
def test_a_name_that_no_folder_could_hold_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        checked_name(name, "arguments.name")
    assert caught.value.extra["field"] == "arguments.name"
    assert checked_name(" März 2026 ", "name") == "März 2026"
