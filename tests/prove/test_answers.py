from netra.prove.answers import Refused


def test_a_refusal_says_what_was_answered_and_whether_it_is_for_now_only() -> None:
    refusal = Refused(429, "x" * 500, limited=True)
    assert str(refusal) == f"429 {'x' * 200}"
    assert (refusal.status, refusal.limited, Refused(404).limited) == (429, True, False)
