"""Whose id is wanted is told by a name, whose is given by another, and only what is never the other is strange."""

import pytest

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite
from netra.guard.requests.identifiers import (
    given_kind,
    identifier,
    is_chosen,
    is_of_anything,
    is_strange,
    place,
    put,
    wanted,
)
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine
from tests.guard.programs import analysed, function


def _called(analysis: Analysis, call: CallSite, scope: FunctionSymbol) -> tuple[FunctionSymbol | None, int]:
    match analysis.receivers.value(call.callee, scope):
        case Routine(function=function):
            return function, 0
    return None, 0


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("user_id", "user"),
        ("owner", "user"),
        ("guild", "guild"),
        ("thread_id", "thread"),
        ("message_id", "message"),
        ("message", None),
        ("invoice_id", None),
    ],
)
def test_a_name_tells_whose_id_is_wanted(name: str, expected: str | None) -> None:
    assert wanted(name) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("channel_id", "channel_id"),
        ("event.channel_id", "channel_id"),
        ("channel.id", "channel_id"),
        ("body['channel_id']", "channel_id"),
        ("conf(config, 'channel_id')", "channel_id"),
        ("str(channel.id)", "channel_id"),
        ("local", "channel_id"),
        ("channel.name", None),
        ("body['channel']", None),
        ("conf('channel_id', 'guild_id')", None),
        ("conf('channel_id', among=config)", None),
    ],
)
def test_an_expression_tells_whose_id_it_is(given: str, expected: str | None) -> None:
    text = f"""
        def work(channel_id, event, channel, body, config):
            local = channel.id
            return {given}
        """
    scope = function(analysed(text).program, "example.work")
    assert identifier(scope.facts.returned[0].value, scope) == expected


def _put(body: str) -> tuple[Analysis, FunctionSymbol]:
    text = f"""
        def mail(user_id: str, text: str): ...
        def greet(user: User): ...
        def work(event, thread, member, db, table, tasks):
            {body}
        """
    analysis = analysed(text)
    return analysis, function(analysis.program, "example.work")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("mail(thread.id, 'a')", ("user_id", "thread")),
        ("mail(user_id=thread.id, text='a')", ("user_id", "thread")),
        ("mail.delay(thread.id, 'a')", ("user_id", "thread")),
        ("tasks.add_task(mail, thread.id, 'a')", ("user_id", "thread")),
        ("db.execute('select a from b where user_id = ?', (thread.id,))", ("user_id", "thread")),
        ("db.execute('insert into b (a, user_id) values (?, ?)', (1, thread.id))", ("user_id", "thread")),
        ("table.insert_one({'user_id': thread.id})", ("user_id", "thread")),
        ("owner = thread.id", ("owner", "thread")),
        ("if event.user_id == thread.id: ...", ("user_id", "thread")),
        ("mail(member.id, 'a')", ("user_id", "user")),
        ("mail(thread.name, 'a')", None),
        ("greet(thread.id)", None),
        ("db.execute('select a from b where user_id = ? and c = ?', (thread.id,))", None),
        ("title = thread.id", None),
        ("mail(event.invoice_id, 'a')", None),
    ],
)
def test_what_is_put_where_an_id_is_wanted_is_found_with_whose_it_is(body: str, expected: tuple[str, str] | None) -> None:
    analysis, scope = _put(body)
    found = [(each.name, given_kind(analysis, each)) for each in put(analysis, scope, _called)]
    assert found == ([] if expected is None else [expected])


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("mail(event.thread_id, 'a')", ("user", "thread", "had")),
        ("mail(event.member_id, 'a')", None),
        ("mail(event.user.thread_id, 'a')", None),
    ],
)
def test_strange_is_only_what_is_never_the_other(body: str, expected: tuple[str, str, str] | None) -> None:
    analysis, scope = _put(body)
    (each,) = put(analysis, scope, _called)
    assert is_strange(analysis, each) == expected
    assert place(each) == ("example.mail", "user")


def test_a_function_wants_the_same_under_the_name_that_an_import_gives_it() -> None:
    analysis = analysed(
        {
            "post.py": "def mail(user_id: str): ...\n",
            "example.py": "from post import mail as tell\n\ndef work(thread): tell(thread.id)\n",
        }
    )
    found = put(analysis, function(analysis.program, "example.work"), _called)
    assert [(each.name, given_kind(analysis, each)) for each in found] == [("user_id", "thread")]


def test_without_the_right_one_at_hand_a_name_beside_it_may_be_meant() -> None:
    text = """
        def mail(user_id: str): ...
        def first(thread): mail(thread.id)
        def second(thread): mail(user_id=thread.id)
        """
    analysis = analysed(text)

    def strange(name: str) -> list[tuple[str, str, str] | None]:
        found = put(analysis, function(analysis.program, f"example.{name}"), _called)
        return [is_strange(analysis, each) for each in found]

    assert strange("first") == [("user", "thread", "firm")]
    assert strange("second") == [("user", "thread", "")]


@pytest.mark.parametrize(
    ("body", "chosen"),
    [
        ("owner = thread.id", False),
        ("thread_id = thread.id; owner = thread_id", True),
        ("owner = None; owner = thread.id", False),
        ("owner = thread.id; owner = event.thread_id", True),
        ("mail(thread.id, 'a')", False),
    ],
)
def test_a_local_name_for_another_thing_is_chosen(body: str, *, chosen: bool) -> None:
    analysis, scope = _put(body)
    assert {is_chosen(each) for each in put(analysis, scope, _called)} == {chosen}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("table.insert_one({'owner_type': 'thread', 'owner_id': thread.id})", True),
        ("table.insert_one({'owner_id': thread.id})", False),
        ("table.insert(owner_kind='thread', owner_id=thread.id)", True),
    ],
)
def test_what_stands_beside_an_owner_tells_what_it_is(body: str, *, told: bool) -> None:
    analysis, scope = _put(body)
    (each,) = put(analysis, scope, _called)
    assert is_of_anything(each) == told


def test_a_member_of_several_kinds_is_no_person() -> None:
    analysis, scope = _put("isinstance(member, Team); table.insert(thread_id=member.id)")
    assert [given_kind(analysis, each) for each in put(analysis, scope, _called)] == [None]
