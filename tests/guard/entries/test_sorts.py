from netra.guard.entries import sorts


def test_each_sort_has_a_word_of_its_own() -> None:
    words = [value for value in vars(sorts).values() if isinstance(value, str) and value.islower()]
    assert len({*words} & {"route", "socket", "task", "command", "listener", "start", "test", "named"}) == 8
