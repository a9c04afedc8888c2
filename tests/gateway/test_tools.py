import asyncio
from collections import Counter

import pytest

from tests.fixtures.world import Person, World


async def test_a_plain_user_has_nothing_to_migrate(world: World, ann: Person) -> None:
    answer = (await ann.call("POST", "/api/tools/migrate-legacy", 200)).json()
    assert answer == {"status": "no_migration_needed", "current_plan": "free", "message": answer["message"]}


async def test_an_old_role_is_migrated_and_the_next_request_has_the_plan(world: World, ann: Person) -> None:
    await world.give(ann, role="developer")
    answer = (await ann.call("POST", "/api/tools/migrate-legacy", 200)).json()
    assert (answer["status"], answer["old_role"], answer["new_plan"], answer["feature_flags"]) == (
        "migrated",
        "developer",
        "developer",
        ["*"],
    )
    assert (await ann.get("/auth/me"))["plan"] == "developer"


async def test_a_dry_run_changes_nothing(world: World, ann: Person) -> None:
    await world.give(ann, role="admin")
    dry = (await ann.call("POST", "/api/tools/migrate-legacy", 200, params={"dry_run": "true"})).json()
    assert (dry["status"], dry["new_plan"], dry["dry_run"]) == ("migrated", "enterprise", True)
    assert (await ann.get("/auth/me"))["plan"] == "free"


async def test_fifty_calls_at_once_migrate_once_and_tell_each_socket_once(world: World, ann: Person) -> None:
    await world.give(ann, role="admin")
    async with ann.socket() as socket:
        answers = await asyncio.gather(*(ann.call("POST", "/api/tools/migrate-legacy", 200) for _ in range(50)))
        assert Counter(answer.json()["status"] for answer in answers) == {"migrated": 1, "no_migration_needed": 49}
        changed = await socket.until("plan_changed")
        assert changed["data"]["old"] == "free"
        assert changed["data"]["new"] == "enterprise"
        assert "user_admin" in changed["data"]["gained"]
        await socket.ask("ping")
        assert [frame["type"] for frame in socket.seen].count("plan_changed") == 1


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer TOKEN"}, {"Authorization": "Basic YTpi"}])
async def test_a_stranger_is_refused(world: World, headers: dict[str, str]) -> None:
    answer = await world.client(**headers).post("/api/tools/migrate-legacy")
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
