"""What a visitor of a Streamlit app says is followed by names and calls; what is written down, and other libraries, are not."""

import pytest

from netra.guard.requests.typed_in import typed_in
from tests.guard.programs import analysed

HEAD = "import streamlit as st\nimport tkinter\n"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("st.text_input('Key')", True),
        ("st.sidebar.text_input('Key').strip()", True),
        ("st.session_state['key']", True),
        ("st.session_state.get('key')", True),
        ("st.query_params.key", True),
        ("key", True),
        ("'written'", False),
        ("st.title('Key')", False),
        ("tkinter.text_input('Key')", False),
    ],
)
def test_a_value_is_of_a_visitor(value: str, expected: bool) -> None:
    analysis = analysed(f"{HEAD}key = st.text_input('Key')\nit = {value}\n")
    top = analysis.modules[0].top
    assert bool(typed_in(analysis, top.facts.assignments[-1].value, top)) is expected


def test_it_is_followed_into_a_function() -> None:
    analysis = analysed(f"{HEAD}def keep(key):\n    it = key\nkeep(st.text_input('Key'))\n")
    (keep,) = (each for each in analysis.scopes if each.name == "keep")
    assert [each.note for each in typed_in(analysis, ("name", "it"), keep)] == [
        "a visitor says it here",
        "and is passed as `key`",
    ]
