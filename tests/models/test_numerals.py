"""Which numbers a text states."""

import pytest

from netra.models.numerals import MONEY, RATIO, SHARE, numerals, rounding


def read(text: str) -> list[tuple[str, float, str | None]]:
    """The numbers of a text that are no dates and no names."""
    return [(each.text, round(each.value, 9), each.unit) for each in numerals(text) if each.kind in ("number", "part")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,234,567 requests", [("1,234,567", 1_234_567, None)]),
        ("1'234'567 requests", [("1'234'567", 1_234_567, None)]),
        ("1\u202f234 requests", [("1\u202f234", 1234, None)]),
        ("$1,234.56 a month", [("$1,234.56", 1234.56, MONEY)]),
        ("USD 12.50 or 3 dollars", [("USD 12.50", 12.5, MONEY), ("3 dollars", 3, MONEY)]),
        ("€5", [("€5", 5, "€")]),
        ("12.5% of it", [("12.5%", 0.125, SHARE)]),
        ("12.5 percent, 3 per cent", [("12.5 percent", 0.125, SHARE), ("3 per cent", 0.03, SHARE)]),
        ("3.4 million tokens", [("3.4 million", 3_400_000, None)]),
        ("$3.4 million", [("$3.4 million", 3_400_000, MONEY)]),
        ("12k calls, 3B tokens", [("12k", 12_000, None), ("3B", 3_000_000_000, None)]),
        ("2x as much, 3-fold", [("2x", 2, RATIO), ("3-fold", 3, RATIO)]),
        ("2.5 times as much, 3 times a day", [("2.5", 2.5, RATIO), ("3", 3, None)]),
        ("5 euros, CHF 7, 12 pence", [("5 euros", 5, "€"), ("CHF 7", 7, "CHF"), ("12 pence", 12, "£")]),
        ("50 cents", [("50 cents", 0.5, MONEY)]),
        ("12.5 pct, 125 ‰, 1250 bps", [("12.5 pct", 0.125, SHARE), ("125 ‰", 0.125, SHARE), ("1250 bps", 0.125, SHARE)]),
        ("250 milliseconds, two hours", [("250", 250, "ms"), ("two", 2, "h")]),
        ("an eighth, halved", [("halved", 0.5, SHARE)]),
        ("a sixth of it, seven eighths", [("a sixth", round(1 / 6, 9), SHARE), ("seven eighths", 0.875, SHARE)]),
        ("hundredfold, an order of magnitude", [("hundredfold", 100, RATIO), ("order of magnitude", 10, RATIO)]),
        ("1e6 and .5", [("1e6", 1_000_000, None), (".5", 0.5, None)]),
        ("in 20ms of a 5-minute window", [("20ms", 20, "ms"), ("5", 5, "min")]),
        ("10–20%", [("10", 0.1, SHARE), ("20%", 0.2, SHARE)]),
        ("10 to 20%", [("10", 0.1, SHARE), ("20%", 0.2, SHARE)]),
        ("lines 3, 14 and 15.", [("3", 3, None), ("14", 14, None), ("15", 15, None)]),
        ("minus -5%", [("5%", 0.05, SHARE)]),
        ("twenty-one of them", [("twenty-one", 21, None)]),
        ("two hundred and five thousand", [("two hundred and five thousand", 205_000, None)]),
        ("a million, a dozen", [("a million", 1_000_000, None), ("a dozen", 12, None)]),
        ("twelve percent", [("twelve percent", 0.12, SHARE)]),
        ("half of it and a third of that", [("half", 0.5, SHARE), ("a third", round(1 / 3, 9), SHARE)]),
        ("two thirds, three quarters", [("two thirds", round(2 / 3, 9), SHARE), ("three quarters", 0.75, SHARE)]),
        ("twice, doubled, tenfold", [("twice", 2, RATIO), ("doubled", 2, RATIO), ("tenfold", 10, RATIO)]),
        ("two of three models", [("two of three", round(2 / 3, 9), SHARE)]),
        ("9 out of 10, one in ten", [("9 out of 10", 0.9, SHARE), ("one in ten", 0.1, SHARE)]),
        ("the 95th percentile", [("95th", 95, None)]),
    ],
)
def test_a_number_is_read_as_it_is_written(text: str, expected: list[tuple[str, float, str | None]]) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "One of the models is cheaper than the one before.",
        "The first, the 2nd and the third come last.",
        "In the first half, no second look.",
        "1. Shorten prompts.\n2. Cache them.\n## 3. Then look again",
        "Nothing is said here, and nobody, once.",
    ],
)
def test_what_orders_or_only_points_is_no_number(text: str) -> None:
    assert list(numerals(text)) == []


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-05-11", (2024, 5, 11, None, None)),
        ("2024-05-11T14:05:33Z", (2024, 5, 11, 14, 5)),
        ("2024-05-11 14:05", (2024, 5, 11, 14, 5)),
        ("11 May 2024", (2024, 5, 11, None, None)),
        ("May 11th, 2024", (2024, 5, 11, None, None)),
        ("Nov 3", (None, 11, 3, None, None)),
        ("May 2024", (2024, 5, None, None, None)),
        ("14:05", (None, None, None, 14, 5)),
    ],
)
def test_a_date_or_time_is_read_as_precisely_as_it_is_said(text: str, moment: tuple[int | None, ...]) -> None:
    (found,) = numerals(f"It was {text} when it began.")
    assert (found.text, found.moment) == (text, moment)


@pytest.mark.parametrize(
    "name",
    [
        "gpt-4o",
        "claude-3-5-sonnet-20241022",
        "p95",
        "user_17",
        "4o-mini",
        "1.2.3",
        "0192f7a6-6f61-7a30-9d0c-3f2a9b8c7d6e",
        "½",
        "Ⅻ",
        "五百",
    ],
)
def test_a_name_with_digits_is_a_name_and_not_its_digits(name: str) -> None:
    (found,) = numerals(f"It was {name} that asked.")
    assert (found.text, found.kind) == (name, "name")


@pytest.mark.parametrize(
    ("digits", "tolerance"),
    [
        ("12.3", 0.05), ("1234", 0.5), ("1200", 50), ("1000", 50), ("100", 5), ("10", 0.5), ("7", 0.35), ("0", 0),
        ("0.5", 0.025),
    ],
)  # fmt: skip
def test_a_number_may_have_been_rounded_to_its_last_digit_and_by_one_in_twenty_at_most(digits: str, tolerance: float) -> None:
    assert rounding(digits) == pytest.approx(tolerance)


def test_of_a_hundred_percent_no_zero_was_rounded() -> None:
    (found,) = numerals("All 100% of them.")
    assert found.tolerance == pytest.approx(0.005)
