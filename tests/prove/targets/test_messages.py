from netra.prove.targets import Work
from netra.prove.targets.messages import message


def test_a_message_begins_with_the_words_of_the_work_and_says_what_is_to_be_done() -> None:
    assert message(Work("mark-a request 1.", 3, 20, fail=True)) == "mark-a request 1. steps=3 delay_ms=20 fail=1"
