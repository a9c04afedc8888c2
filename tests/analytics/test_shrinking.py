"""That what is too large is made smaller, and says so."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from netra.analytics.figures import Measurement, Quantity, RowSelection
from netra.analytics.shrinking import fitted, shrink
from netra.events.codec import encode
from netra.ids import new_uuid
from tests.analytics.test_measure import EXAMPLES

ROWS = RowSelection(dataset_id=new_uuid(), filter="all rows", count=1000)
COUNTED = Quantity(id="requests", unit="requests", formula="count(*)")


def measured(names: list[str], points: int) -> Measurement:
    table = ROWS.breakdown("by_name", "By name", "name", [COUNTED], [(name, 1, [2]) for name in names], of=5000)
    chart = ROWS.chart("over_time", "Over time", "line", ("hour", "requests"), [(x, x) for x in range(points)], "count(*)")
    return Measurement(figures=(ROWS.figure("all", "All", 1, "requests", "count(*)"),), charts=(chart,), breakdowns=(table,))


def plain(measurement: Measurement) -> dict[str, Any]:
    return measurement.model_dump(mode="json")


def test_what_fits_is_left_alone() -> None:
    answer = plain(measured(["a", "b"], 3))
    assert shrink(answer, len(encode(answer))) == answer


@EXAMPLES
@given(
    names=st.lists(st.text(alphabet="aé\U0001f642", max_size=200), max_size=60),
    points=st.integers(1, 400),
    most=st.integers(8192, 40_000),
)
def test_an_answer_fits_and_says_what_it_lost_and_keeps_its_figures(names: list[str], points: int, most: int) -> None:
    before = {"dataset": {"id": "1"}, **plain(measured(names, points)), "waste": plain(measured(names, points))}
    after = shrink(before, most)
    assert len(encode(after)) <= most
    for held, had in ((after, before), (after["waste"], before["waste"])):
        assert held["figures"] == had["figures"]
        (table,), (chart,) = held["breakdowns"], held["charts"]
        left, shown = len(table["entries"]), len(chart["points"])
        assert table["entries"] == had["breakdowns"][0]["entries"][:left]
        assert table["of"] == 5000
        assert [chart["points"][0], *chart["points"]] == [had["charts"][0]["points"][0], *chart["points"]]
        assert (left < len(names)) == any(f"shows {left} of the {len(names)} groups" in note for note in held["notes"])
        assert (shown < points) == any(f"shows {shown} of its {points} points" in note for note in held["notes"])
        # What is left is a measurement still.
        Measurement.model_validate({name: held[name] for name in Measurement.model_fields})


def test_a_measurement_that_is_made_smaller_is_one_still() -> None:
    whole = measured(["x" * 200] * 50, 1)
    small = fitted(whole, 8192)
    assert small.figures == whole.figures
    assert 0 < len(small.breakdown("by_name").entries) < 50
    assert len(small.notes) == 1
    assert fitted(whole, 100_000) is whole


def test_what_has_nothing_to_leave_out_stays_too_large() -> None:
    answer = plain(measured(["a"], 1))
    after = shrink(answer, 10)
    assert (len(after["breakdowns"][0]["entries"]), len(after["charts"][0]["points"])) == (0, 1)
    assert after["figures"] == answer["figures"]
