import re

import msgspec

from netra.report.model import RegressionReport
from netra.report.output.html import write
from tests.prove.output.test_html import Nesting
from tests.report.examples import breach, failure, finding, guard, health, made, prove, saved, suite

ODD = "<script>alert(1)</script> `<b>code</b>` $title"


def full() -> RegressionReport:
    odd = msgspec.structs.replace(finding("odd"), what=ODD, impact=ODD, name=ODD, where=ODD, verify=ODD, proof=(ODD,))
    old = msgspec.structs.replace(prove(breach()), stale="`src/app.py` has changed since", doubts=(ODD,))
    before = saved(guard(finding("gone")), prove(breach()), suite(failure(), passed=("t::a", "t::b")))
    return made(guard(odd), old, suite(passed=("t::a",)), baseline=before)


def test_the_page_is_whole_and_loads_nothing() -> None:
    for report in (full(), made(guard()), made(guard(), prove(), suite(), health())):
        nesting, page = Nesting(), write(report)
        nesting.feed(page)
        assert nesting.open == []
        assert re.search(r"(src|href)\s*=|@import|url\(", page) is None


def test_what_a_tool_has_said_is_text() -> None:
    assert "<script>" not in write(full())
    assert "&lt;script&gt;alert(1)&lt;/script&gt; <code>&lt;b&gt;code&lt;/b&gt;</code> $title" in write(full())


def test_every_trend_is_counted_and_told() -> None:
    page = write(full())
    for words in ("<b>1</b>new", "<b>1</b>still open", "<b>1</b>unknown", "<b>1</b>fixed", "did not run"):
        assert words in page


def test_the_colour_of_the_headline_is_only_good_when_everything_holds() -> None:
    whole = (guard(), prove(), suite(), health())
    assert '<header class="good">' in write(made(*whole, baseline=saved(*whole)))
    assert '<header class="doubt">' in write(made(*whole))
    assert '<header class="doubt">' in write(made(guard(), baseline=saved(guard())))
    assert '<header class="bad">' in write(made(guard(finding()), baseline=saved(guard())))


def test_a_source_that_was_not_run_is_unknown_and_one_that_is_old_is_old() -> None:
    page = write(full())
    assert '<h3>health <span class="pill">unknown</span></h3><p class="faint">Not run.</p>' in page
    assert '<h3>prove <span class="pill">old</span></h3>' in page
    assert "<p>Old: <code>src/app.py</code> has changed since.</p>" in page


def test_every_point_of_the_checklist_is_there_with_its_sign() -> None:
    page = write(full())
    signs = re.findall(r'aria-label="(\w+)"', page)
    assert len(signs) == len(full().checklist)
    assert set(signs) == {"held", "broken", "unknown"}
