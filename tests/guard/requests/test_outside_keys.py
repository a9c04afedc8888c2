import pytest

from netra.guard.requests.outside_keys import claimed, counted
from tests.guard.programs import function, program


def _found(body: str, of: str) -> list[int]:
    lines = "".join(f"\n    {line}" for line in body.split("; "))
    whole = program({"example.py": f"async def work(redis, key, n):{lines}\n"})
    scope = function(whole, "example.work")
    return [each.call.line for each in (claimed if of == "claimed" else counted)(scope, whole)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("used = int(await redis.get(key) or 0); await redis.set(key, used + n)", [3]),
        ("await redis.set(key, int(await redis.get(key)) + 1)", [2]),
        ("used = await redis.get(key); await redis.setex(key, 60, used - n)", [3]),
        ("used = await redis.get('other'); await redis.set(key, used + n)", []),
        ("used = await redis.get(key); await redis.set(key, n)", []),
        ("used = await redis.get(key); await redis.watch(key); await redis.set(key, used + n)", []),
        ("await redis.incrby(key, n)", []),
    ],
)
def test_a_count_is_read_and_set_in_two_steps(body: str, expected: list[int]) -> None:
    assert _found(body, "counted") == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("if await redis.get(key): return; await redis.set(key, 1)", [3]),
        ("await redis.get(key); await redis.set(key, 1)", []),
        ("if await redis.get(key): return; await redis.set(key, 1, nx=True)", []),
    ],
)
def test_a_key_is_taken_that_was_free(body: str, expected: list[int]) -> None:
    assert _found(body, "claimed") == expected
