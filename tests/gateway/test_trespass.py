import asyncio

from netra.db.database import Database
from netra.gateway.trespass import MOST, Trespass
from netra.ids import UserId, new_uuid
from netra.testing.clock import ManualClock
from tests.fixtures.world import PATIENCE, eventually


async def test_only_ids_that_exist_are_counted_each_by_its_way(database: Database, alice: UserId) -> None:
    clock = ManualClock()
    async with Trespass.open(database, clock) as trespass:
        trespass.suspect("http", [alice, new_uuid()])
        trespass.suspect("socket", [new_uuid()])
        await eventually(lambda: trespass.counts["http"] == 1)
        assert trespass.counts == {"http": 1, "socket": 0}


async def test_what_comes_within_a_second_is_looked_up_together(database: Database, alice: UserId) -> None:
    clock = ManualClock()
    async with Trespass.open(database, clock) as trespass:
        trespass.suspect("http", [alice])
        await eventually(lambda: trespass.counts["http"] == 1)
        async with asyncio.timeout(PATIENCE):
            await clock.someone_sleeps()
        for _ in range(MOST + 10):
            trespass.suspect("socket", [alice])
        await asyncio.sleep(0)
        assert trespass.counts["socket"] == 0
        clock.advance(1)
        # More than fit in a second are a scan, which a thousand show as well.
        await eventually(lambda: trespass.counts["socket"] == MOST)
