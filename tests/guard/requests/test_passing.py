from netra.guard.requests.passing import gathered, pairs
from tests.guard.programs import function, program

TEXT = """
    def told(first, second=None, *others, named=None, **fields): ...
    def tell(a, b, c, d): told(a, b, c, named=d, colour=a)
    def spread(a): told(*a)
    """


def _given(caller: str) -> tuple[list[tuple[str, object]], list[tuple[str, object]]]:
    linked = program({"example.py": TEXT})
    call = function(linked, f"example.{caller}").facts.calls[0]
    told = function(linked, "example.told")
    return list(pairs(call, told, 0)), list(gathered(call, told, 0))


def test_each_argument_fills_a_parameter_or_is_gathered() -> None:
    filled, others = _given("tell")
    assert filled == [("first", ("name", "a")), ("second", ("name", "b")), ("named", ("name", "d"))]
    assert sorted(others) == [("fields", ("name", "a")), ("others", ("name", "c"))]


def test_of_what_is_spread_nobody_knows_where_it_goes() -> None:
    assert _given("spread") == ([], [])
