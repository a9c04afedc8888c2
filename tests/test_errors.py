"""What an error says to a client, and what it keeps to itself."""

import pytest

from netra.errors import NetraError, NotFound, TooManyRequests, Unavailable


class QuotaUsedUp(NetraError):
    """Today's allowance is used up."""

    code, status = "quota_used_up", 429


def test_the_docstring_is_the_message() -> None:
    assert QuotaUsedUp().detail == "Today's allowance is used up."


def test_a_detail_takes_the_place_of_the_message() -> None:
    assert str(QuotaUsedUp("3 of 3 runs used")) == "3 of 3 runs used"


def test_code_and_status_come_from_the_class_of_an_instance() -> None:
    with pytest.raises(NetraError) as caught:
        raise QuotaUsedUp
    assert (caught.value.code, caught.value.status) == ("quota_used_up", 429)


def test_members_for_the_problem_document_stay_with_the_error() -> None:
    assert NotFound(field="thread_id").extra == {"field": "thread_id"}


@pytest.mark.parametrize("kind", [TooManyRequests, Unavailable])
def test_a_refusal_for_now_says_when_to_come_back(kind: type[TooManyRequests | Unavailable]) -> None:
    assert kind().retry_after == 1.0
    assert kind(retry_after=30).retry_after == 30
