"""`netra.settings.units`: numbers with a suffix mean what an operator means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from netra.settings import Settings
from netra.settings.units import DURATIONS, SIZES, read_bytes, read_seconds


@given(st.integers(0, 10**6), st.sampled_from(list(DURATIONS)))
def test_a_duration_is_its_number_times_its_unit(number: int, suffix: str) -> None:
    assert read_seconds(f" {number}{suffix} ") == number * DURATIONS[suffix]


@given(st.integers(0, 10**6), st.sampled_from(list(SIZES)))
def test_a_size_is_its_number_times_its_unit(number: int, suffix: str) -> None:
    assert read_bytes(f"{number}{suffix}") == number * SIZES[suffix]


@given(st.text() | st.integers() | st.none())
def test_reading_a_quantity_never_fails_on_its_own(value: object) -> None:
    read = read_seconds(value)
    assert read == value or isinstance(read, float)


@pytest.mark.parametrize("text", ["15x", "m", "1 5m", "0.5B", "1.5e"])
def test_a_quantity_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({"max_body_bytes": text})


def test_a_quantity_reaches_the_settings_in_plain_units() -> None:
    settings = Settings.model_validate({"access_token_lifetime": "15m", "max_dataset_bytes": "1GiB", "ping_interval": "250ms"})
    assert (settings.access_token_lifetime, settings.max_dataset_bytes, settings.ping_interval) == (900.0, 1024**3, 0.25)
