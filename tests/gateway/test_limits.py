from hypothesis import given
from hypothesis import strategies as st

from netra.gateway.limits import TokenBucket


def test_a_burst_is_allowed_at_once_and_then_the_rate() -> None:
    bucket = TokenBucket(rate=2, burst=3)
    assert [bucket.take(0) for _ in range(3)] == [0, 0, 0]
    assert bucket.take(0) == 0.5
    assert bucket.take(0.5) == 0
    assert bucket.take(0.5) == 0.5


def test_silence_never_saves_up_more_than_a_burst() -> None:
    bucket = TokenBucket(rate=10, burst=2)
    bucket.take(0)
    assert [bucket.take(1000) for _ in range(3)] == [0, 0, 0.1]


def test_a_bucket_is_full_again_once_everything_has_come_back() -> None:
    bucket = TokenBucket(rate=1, burst=2)
    assert bucket.full(0)
    bucket.take(0)
    assert not bucket.full(0.5)
    assert bucket.full(1)


@given(
    rate=st.floats(0.1, 100),
    burst=st.integers(1, 50),
    pauses=st.lists(st.floats(0, 2), min_size=1, max_size=200),
)
def test_no_pattern_of_sending_gets_more_than_burst_and_rate_allow(rate: float, burst: int, pauses: list[float]) -> None:
    bucket = TokenBucket(rate, burst)
    now = taken = 0.0
    for pause in pauses:
        now += pause
        taken += bucket.take(now) == 0
    assert taken <= burst + rate * now + 1e-6
