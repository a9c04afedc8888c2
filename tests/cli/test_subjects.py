import asyncio

from netra.cli.subjects import _environment_of_child, app, digests

MARK = "mark-" + "a" * 32
OTHER = "mark-" + "b" * 32


def test_a_mark_is_known_by_the_same_digest_wherever_it_stands_and_is_not_shown() -> None:
    (known,) = digests([MARK])
    assert digests([f"before {MARK} after", "nothing"]) == [known]
    assert digests([OTHER]) != [known]
    assert MARK[5:] not in known


async def test_a_process_finds_what_stands_in_its_environment_and_nothing_else() -> None:
    async with asyncio.timeout(20):
        assert digests(await _environment_of_child({"SECRET": MARK})) == digests([MARK])
        assert digests(await _environment_of_child({})) == []


def test_both_agents_are_served() -> None:
    assert [agent.name for agent in app.agents] == ["kills-its-worker", "tells-its-surroundings"]
