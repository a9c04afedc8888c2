"""How a question is read by its words."""

import pytest

from netra.agents.team.results import TOPICS
from netra.agents.team.topics import BEGINNINGS, MEANINGS, read_question


@pytest.mark.parametrize(
    ("question", "topics"),
    [
        ("Where does our money go?", ("spend",)),
        ("Who is it that costs so much?", ("spend", "concentration")),
        ("How can we SAVE on our bill?", ("spend", "savings")),
        ("Why is it so slow at peak times?", ("usage", "latency")),
        ("What changed last week?", ("changes",)),
        ("A billion payloads, on the whole; savvy and useless lessons", ()),
        ("Wo bleibt das Geld?", ()),
    ],
)
def test_words_say_what_is_asked(question: str, topics: tuple[str, ...]) -> None:
    assert read_question(question, ()).topics == topics


def test_the_answer_says_which_words_were_read_and_when_none_was() -> None:
    assert "“costs”" in read_question("What are our costs?", ()).because
    assert "No word of the question" in read_question("Wo bleibt das Geld?", ()).because
    assert "no question" in read_question("  ", ()).because


def test_the_longest_name_that_the_question_holds_is_the_dataset() -> None:
    names = ("May", "May 2026", "June", "a")
    assert read_question("What did MAY 2026 cost, and why?", names).dataset == "May 2026"
    assert read_question("What did a day cost?", names).dataset is None


def test_every_topic_has_words_and_a_meaning() -> None:
    assert set(BEGINNINGS) == set(MEANINGS) == set(TOPICS)
