"""What a user sees of datasets that are on their way, live, and what nobody else does."""

import asyncio
import json
from collections.abc import AsyncIterator

from tests.fixtures.world import Person, World
from tests.gateway.test_datasets import ROWS
from tests.gateway.test_events import following

ADDRESS = "/api/datasets/stream"


class SlowUpload:
    """A file that comes in by half, and wholly when it is let."""

    def __init__(self) -> None:
        self.rest = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield ROWS
        await self.rest.wait()


async def test_an_upload_is_followed_to_its_dataset_by_its_owner_and_by_nobody_else(
    world: World, ann: Person, ben: Person
) -> None:
    files = SlowUpload(), SlowUpload()
    async with following(ann, ADDRESS) as anns, following(ben, ADDRESS) as bens, asyncio.TaskGroup() as group:
        uploads = [
            group.create_task(person.call("POST", "/api/datasets", 201, content=file, params={"name": person.email}))
            for person, file in zip((ann, ben), files, strict=True)
        ]
        first = [json.loads((await live.until("loading"))["data"]) for live in (anns, bens)]
        assert [each["name"] for each in first] == [ann.email, ben.email]
        assert [(each["state"], each["records"], each["share"]) for each in first] == [("loading", 0, 0)] * 2
        # Who comes later is told at once of what is on its way.
        async with following(ann, ADDRESS) as later:
            assert json.loads((await later.until("loading"))["data"])["id"] == first[0]["id"]
        for file in files:
            file.rest.set()
        for live, upload, loading in zip((anns, bens), uploads, first, strict=True):
            assert json.loads((await live.until("ready"))["data"]) == (await upload).json()
            assert {json.loads(block["data"])["id"] for block in live.blocks if "event" in block} == {loading["id"]}


async def test_of_an_upload_that_breaks_off_its_stream_says_that_it_is_lost(world: World, ann: Person) -> None:
    async with following(ann, ADDRESS) as live:
        upload = asyncio.create_task(ann.call("POST", "/api/datasets", content=SlowUpload()))
        loading = json.loads((await live.until("loading"))["data"])
        upload.cancel()
        assert json.loads((await live.until("lost"))["data"]) == {"id": loading["id"], "state": "lost"}
