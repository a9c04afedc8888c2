from tests.guard.programs import understood


def partly(text: str) -> list[tuple[str, str, int]]:
    """What is bound in some branches only and read behind them: name, how, line."""
    return [(each.name, each.how, each.line) for each in understood(text).unbound]


def test_what_one_branch_gives_a_value_is_missed_behind_it() -> None:
    assert partly("def f(a):\n    if a:\n        b = 1\n    return b\n") == [("b", "sometimes", 4)]
    assert partly("def f(a):\n    with a:\n        if a:\n            b = 1\n    return b\n") == [("b", "sometimes", 5)]
    assert partly("def f(a):\n    if a:\n        b = 1\n    else:\n        b = 2\n    return b\n") == []
    assert partly("def f(a):\n    b = 2\n    if a:\n        b = 1\n    return b\n") == []


def test_a_chain_may_have_all_cases() -> None:
    chain = "def f(a):\n    if a == 1:\n        b = 1\n    elif a == 2:\n        b = 2\n    return b\n"
    assert partly(chain) == [("b", "uncovered", 6)]
    assert partly(chain.replace("a == 1", "a").replace("a == 2", "not c.d")) == [("c", "missing", 4), ("b", "sometimes", 6)]


def test_what_is_read_in_another_branch_is_nobody_s_fault() -> None:
    assert partly("def f(a):\n    if a:\n        b = 1\n    if a:\n        return b\n") == []
    assert partly("def f(a):\n    if a:\n        b = 1\n    return b if a else None\n") == []
    assert partly("def f(a):\n    if a:\n        b = 1\n    return [b for _ in a]\n") == []
