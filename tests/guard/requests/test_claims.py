from netra.guard.entries.reach import EntryPoint
from netra.guard.requests.claims import claims, is_preferred, put_first, use
from tests.guard.programs import analysed, function

TEXT = """
from fastapi import Query

async def one(user_id: str, title: str = Query(None), store=None):
    return await store.runs_of(UserId(user_id))

async def two(body: Order, user=None, store=None):
    return await store.start(body.ordered_by or user.id)

async def three(user_id: str, users=None):
    return await users.profile(user_id)
"""


def test_a_client_claims_ids_and_what_stands_before_the_id_of_who_is_signed_in() -> None:
    program = analysed(TEXT).program
    one, two = (function(program, f"example.{name}") for name in ("one", "two"))
    assert list(claims(one, EntryPoint(one, "route", "GET /runs"))) == [("name", "user_id")]
    assert list(claims(one, EntryPoint(one, "route", "GET /users/{user_id}"))) == []
    (said,) = put_first(two, "user")
    assert said == ("attribute", ("name", "body"), "ordered_by")
    assert is_preferred(said, "user", two)


def test_an_id_is_told_to_what_acts_for_its_user_and_not_to_what_looks_at_people() -> None:
    program = analysed(TEXT).program
    one, three = (function(program, f"example.{name}") for name in ("one", "three"))
    told = use(("name", "user_id"), one, lambda _: False, about_people=True, made=False)
    assert told is not None and told[3] == "store.runs_of(…)"
    assert use(("name", "user_id"), three, lambda _: False, about_people=True, made=False) is None
