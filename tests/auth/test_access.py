"""What sign-in tells the rest of Netra."""

from netra.auth.access import AccessListener, nobody_listens
from netra.ids import UserId, new_uuid


async def test_a_process_without_sockets_may_be_told_and_nothing_happens() -> None:
    listener: AccessListener = nobody_listens
    told: object = await listener(UserId(new_uuid()), None)  # type: ignore[func-returns-value]
    assert told is None
