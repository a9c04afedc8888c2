from netra.guard.values import Plain, agreed


def test_none_beside_a_value_does_not_count() -> None:
    assert agreed([Plain("None"), Plain("int")]) == Plain("int")
    assert agreed([Plain("None")]) == Plain("None")


def test_values_that_differ_or_are_unknown_agree_on_nothing() -> None:
    assert agreed([Plain("int"), Plain("str")]) is None
    assert agreed([Plain("int"), None]) is None
    assert agreed([]) is None


def test_collections_of_one_sort_agree_on_the_sort_and_not_on_what_they_hold() -> None:
    assert agreed([Plain("list", Plain("int")), Plain("list", Plain("str"))]) == Plain("list")
