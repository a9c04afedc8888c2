"""Signing keys: one at a time, the same for every process, replaced without refusing a single valid token."""

import asyncio
from collections.abc import Callable

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from netra.auth.keys import BETWEEN_READS, STALE, NoSigningKey, SigningKeys, thumbprint
from netra.db.database import Database
from netra.testing.clock import ManualClock
from tests.fixtures.sign_in import count_transactions, fetch

LIFETIME = 900


@pytest.fixture
def process(database: Database, clock: ManualClock) -> Callable[[], SigningKeys]:
    """Make the keys of one more process."""
    return lambda: SigningKeys(database, clock, token_lifetime=LIFETIME)


def unknown_kid() -> str:
    return thumbprint(Ed25519PrivateKey.generate().public_key())


async def age_retired_keys(database: Database, seconds: float) -> None:
    await fetch(database, "UPDATE signing_key SET retired_at = retired_at - make_interval(secs => %s)", seconds)


async def test_ten_processes_that_start_at_once_make_one_key(database: Database, process: Callable[[], SigningKeys]) -> None:
    processes = [process() for _ in range(10)]
    async with asyncio.timeout(30):
        await asyncio.gather(*(keys.ensure() for keys in processes))
    assert await fetch(database, "SELECT count(*) FROM signing_key") == [(1,)]
    assert len({(await keys.signing()).kid for keys in processes}) == 1


async def test_a_restart_finds_the_key_of_the_first_start(process: Callable[[], SigningKeys]) -> None:
    first, second = process(), process()
    await first.ensure()
    await second.ensure()
    assert (await first.signing()).public == (await second.signing()).public


async def test_without_a_key_nothing_is_signed(process: Callable[[], SigningKeys]) -> None:
    with pytest.raises(NoSigningKey):
        await process().signing()


async def test_a_key_id_is_the_rfc_7638_thumbprint_and_the_set_verifies_with_another_implementation(
    process: Callable[[], SigningKeys],
) -> None:
    keys = process()
    await keys.ensure()
    key = await keys.signing()
    (published,) = jwt.PyJWKSet.from_dict(await keys.jwks()).keys
    assert published.key_id == key.kid
    token = jwt.encode({"sub": "somebody"}, key.private, algorithm="EdDSA")
    assert jwt.decode(token, published, algorithms=["EdDSA"]) == {"sub": "somebody"}


def test_the_thumbprint_of_the_standards_example_key_is_the_standards() -> None:
    # RFC 8037, appendix A.1 and A.3.
    private = Ed25519PrivateKey.from_private_bytes(
        bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    )
    assert thumbprint(private.public_key()) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


async def test_the_private_half_is_in_no_published_set_and_no_representation(process: Callable[[], SigningKeys]) -> None:
    keys = process()
    await keys.ensure()
    assert [set(key) for key in (await keys.jwks())["keys"]] == [{"kty", "crv", "x", "kid", "use", "alg"}]
    assert "private" not in repr(await keys.signing()).lower()


async def test_after_a_rotation_the_new_key_signs_and_the_old_one_still_verifies(process: Callable[[], SigningKeys]) -> None:
    keys = process()
    await keys.ensure()
    old = (await keys.signing()).kid
    new = await keys.rotate()
    assert (await keys.signing()).kid == new != old
    assert await keys.find(old) is not None
    assert {key["kid"] for key in (await keys.jwks())["keys"]} == {old, new}


async def test_a_process_takes_a_rotation_up_within_a_minute(process: Callable[[], SigningKeys], clock: ManualClock) -> None:
    here, there = process(), process()
    await here.ensure()
    await there.ensure()
    new = await there.rotate()
    assert (await here.signing()).kid != new
    clock.advance(STALE + 0.1)
    assert (await here.signing()).kid == new


async def test_a_token_of_a_key_one_second_old_is_found_even_in_a_flood_of_invented_ones(
    process: Callable[[], SigningKeys], clock: ManualClock
) -> None:
    here, there = process(), process()
    await here.ensure()
    clock.advance(BETWEEN_READS)
    assert await here.find(unknown_kid()) is None  # this was the read of this second
    new = await there.rotate()
    flood = [asyncio.create_task(here.find(unknown_kid())) for _ in range(20)]
    found = asyncio.create_task(here.find(new))
    async with asyncio.timeout(10):
        await clock.someone_sleeps()
        clock.advance(BETWEEN_READS)
        assert await found is not None
        assert await asyncio.gather(*flood) == [None] * 20


async def test_a_flood_of_invented_key_ids_costs_one_read_a_second(
    database: Database, process: Callable[[], SigningKeys], clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = process()
    await keys.ensure()
    reads = count_transactions(database, monkeypatch)
    flood = [asyncio.create_task(keys.find(unknown_kid())) for _ in range(200)]
    async with asyncio.timeout(10):
        await clock.someone_sleeps()
        clock.advance(BETWEEN_READS)
        await asyncio.gather(*flood)
    assert len(reads) == 1


async def test_a_key_id_that_cannot_be_one_is_not_looked_up(process: Callable[[], SigningKeys]) -> None:
    keys = process()
    await keys.ensure()
    async with asyncio.timeout(5):  # a look-up would sleep on the clock that stands still
        for kid in ("", "../../etc/passwd", "' OR 1=1 --", "a" * 44, "é" * 43, "\0" * 43, "/dev/null"):
            assert await keys.find(kid) is None


async def test_a_retired_key_verifies_until_its_last_token_has_expired_and_then_goes(
    database: Database, process: Callable[[], SigningKeys]
) -> None:
    keys = process()
    await keys.ensure()
    old = (await keys.signing()).kid
    new = await keys.rotate()
    # Another process may have signed with the old key for another minute, and that token lasts its whole lifetime.
    await age_retired_keys(database, LIFETIME + STALE - 5)
    assert await keys.find(old) is not None
    assert await keys.sweep() == 0
    await age_retired_keys(database, 10)
    later = process()
    await later.ensure()
    assert {key["kid"] for key in (await later.jwks())["keys"]} == {new}
    assert await keys.sweep() == 1
    assert [status.kid for status in await keys.list()] == [new]


async def test_a_dropped_key_verifies_nowhere_after_a_minute(process: Callable[[], SigningKeys], clock: ManualClock) -> None:
    here, there = process(), process()
    await here.ensure()
    await there.ensure()
    old = (await here.signing()).kid
    await there.rotate(drop_old=True)
    clock.advance(STALE + 0.1)
    assert await here.find(old) is None


async def test_the_list_says_which_key_signs_and_until_when_the_others_verify(process: Callable[[], SigningKeys]) -> None:
    keys = process()
    await keys.ensure()
    old = (await keys.signing()).kid
    new = await keys.rotate()
    newest, oldest = await keys.list()
    assert (newest.kid, newest.retired_at, newest.verifies_until) == (new, None, None)
    assert oldest.kid == old
    assert oldest.retired_at is not None
    assert oldest.verifies_until is not None
    assert (oldest.verifies_until - oldest.retired_at).total_seconds() == LIFETIME + STALE


async def test_two_rotations_at_once_leave_one_key_that_signs(database: Database, process: Callable[[], SigningKeys]) -> None:
    await process().ensure()
    async with asyncio.timeout(30):
        await asyncio.gather(*(process().rotate() for _ in range(5)))
    assert await fetch(database, "SELECT count(*) FILTER (WHERE retired_at IS NULL), count(*) FROM signing_key") == [(1, 6)]
