"""A key is taken apart into what may tell one user's from another's."""

from collections.abc import Iterator

import pytest

from netra.guard.requests.keys import is_found_by_the_key, leaves, spelt, unfolded
from tests.guard.programs import analysed, function


def test_a_key_is_made_of_names_by_way_of_local_ones_and_not_of_what_is_called() -> None:
    text = """
        def key(one, two, three):
            once = made(one, two.name)
            twice = three
            twice = one
            return once
        """
    scope = function(analysed(text).program, "example.key")
    once, twice = ("name", "once"), ("name", "twice")
    assert {*leaves(once, scope)} == {("name", "one"), ("attribute", ("name", "two"), "name"), ("name", "two")}
    assert unfolded(once, scope) == ("call", 0)
    assert unfolded(twice, scope) == twice


def test_of_what_many_have_the_owner_is_not_looked_at() -> None:
    text = """
        def key(user, size): return (user.plan, size)
        """
    scope = function(analysed(text).program, "example.key")
    plan = ("attribute", ("name", "user"), "plan")
    assert {*leaves(scope.facts.returned[0].value, scope)} == {plan, ("name", "size")}


def test_what_is_known_already_is_not_looked_into() -> None:
    text = """
        def key(user): return made(user)
        """
    scope = function(analysed(text).program, "example.key")
    value = scope.facts.returned[0].value
    assert leaves(value, scope, lambda part: part[0] == "call") == [value]


@pytest.mark.parametrize(
    "text",
    [
        """
        def key():
            made = clean(made)
            return made
        """,
        """
        def key():
            made = clean(other)
            other = strip(made)
            return made
        """,
    ],
)
def test_a_name_that_is_made_of_itself_is_spelt_to_an_end(text: str) -> None:
    scope = function(analysed(text).program, "example.key")
    assert ("name", "made") in _parts(spelt(("name", "made"), scope))


def _parts(key: object) -> Iterator[object]:
    yield key
    if isinstance(key, tuple):
        for each in key:
            yield from _parts(each)


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("value", True),
        ("f'auth:{value}'", True),
        ("named", True),
        ("kind", False),
        ("request", False),
    ],
)
def test_a_key_that_holds_what_found_somebody_tells_whose_it_is(key: str, found: bool) -> None:
    text = f"""
        async def who(request, kind):
            value = proof(request)
            named = f"auth:{{value}}"
            wallet = await wallet_for(value, request)
            return {key}
        """
    scope = function(analysed(text).program, "example.who")
    assert is_found_by_the_key("wallet.id", scope.facts.returned[0].value, scope) is found


def test_the_same_call_in_two_places_is_spelt_alike() -> None:
    text = """
        def key(query, other):
            once = query.digest("a")
            return query.digest("a"), query.digest("b"), other.digest("a"), once
        """
    scope = function(analysed(text).program, "example.key")
    first, second, third, fourth = (spelt(each, scope) for each in scope.facts.returned[0].value[1])
    assert first == fourth
    assert first not in (second, third)
