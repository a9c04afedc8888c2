import asyncio

from tests.fixtures.world import Person, World


async def test_a_greeting_says_who_and_how(world: World, ann: Person) -> None:
    async with world.connect(additional_headers={"Authorization": f"Bearer {ann.access_token}"}) as socket:
        greeting = await socket.receive()
    assert greeting["user_id"] == ann.user_id
    assert greeting["config"] == {"heartbeat_interval": 25.0, "max_message_size": 65536}
