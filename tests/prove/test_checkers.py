from netra.prove import checkers


def test_every_checker_says_in_a_sentence_what_it_promises() -> None:
    for name, checker in checkers.load().items():
        assert checker.name == name
        assert checker.promise.endswith("."), name


def test_nothing_is_broken_where_nothing_happened() -> None:
    assert [breach for checker in checkers.load().values() for breach in checker.check([])] == []
