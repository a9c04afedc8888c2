"""A report that is too long for an event is shown shorter, says so, and stays whole where it is stored."""

from hypothesis import given
from hypothesis import strategies as st

from netra.agents.abridgement import abridge
from netra.agents.report import Report, Section
from netra.analytics.figures import Quantity, RowSelection
from netra.events.codec import encode
from netra.ids import new_uuid
from netra.runs.payload import LARGEST
from tests.analytics.test_measure import EXAMPLES

ROWS = RowSelection(dataset_id=new_uuid(), filter="all rows", count=1000)
COUNTED = Quantity(id="requests", unit="requests", formula="count(*)")


def long_report(sections: int, entries: int, prose: int, metadata: int = 0) -> Report:
    """A report with so many sections, each with a table of so many entries, a figure, and so many characters of prose."""
    made = [
        Section(
            id=f"part_{nth}",
            title=f"Part {nth}",
            content="x" * prose + "y",
            figures=(ROWS.figure(f"all_{nth}", "All", nth, "requests", "count(*)"),),
            tables=(
                ROWS.breakdown(
                    f"by_{nth}", "By name", "name", [COUNTED], [(f"{n} " + "é" * 100, 1, [n]) for n in range(entries)]
                ),
            ),
        )
        for nth in range(sections)
    ]
    return Report(
        report_type="full_analysis",
        title="Long",
        sections=tuple(made),
        next_steps=("Go on.",),
        data_completeness=1.0,
        metadata={"much": "z" * metadata},
    )


def test_what_fits_is_the_report_itself() -> None:
    report = long_report(2, 3, 10)
    assert abridge(report, len(encode(report.model_dump(mode="json")))) is report


def test_tables_are_shortened_before_anything_is_left_out() -> None:
    report = long_report(3, 2000, 100)
    short = abridge(report)
    assert len(encode(short.model_dump(mode="json"))) <= LARGEST
    assert [section.id for section in short.sections] == ["part_0", "part_1", "part_2", "shortened"]
    assert list(short.figures()) == list(report.figures())
    assert "of the 2000 groups" in str(short.metadata["shortened"])


@EXAMPLES
@given(
    sections=st.integers(1, 12),
    entries=st.integers(0, 60),
    prose=st.sampled_from([10, 5000, 60_000]),
    metadata=st.sampled_from([0, 60_000]),
    most=st.integers(20_000, 50_000),
)
def test_whatever_makes_it_long_it_fits_and_its_first_section_and_next_step_stay(
    sections: int, entries: int, prose: int, metadata: int, most: int
) -> None:
    report = long_report(sections, entries, prose, metadata)
    short = abridge(report, most)
    assert len(encode(short.model_dump(mode="json"))) <= most
    assert (short is report) == (len(encode(report.model_dump(mode="json"))) <= most)
    assert short.sections[0].content == report.sections[0].content[: len(short.sections[0].content)]
    assert short.next_steps == report.next_steps
    if short is not report:
        assert short.sections[-1].title == "Shown shorter"
        assert short.metadata["shortened"]
