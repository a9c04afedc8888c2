"""As whose id a function takes what it is given is told by what it does with it, and by what others give it."""

import pytest

from netra.guard.requests.id_uses import IdUses, is_same, kind_given, of, of_class
from tests.guard.programs import analysed, function


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("rows.find(user_id=key)", {"user"}),
        ("rows.find({'owner_id': str(key)})", {"user"}),
        ("Note.author_id == key", {"user"}),
        ("select(Note).where(Account.id == key)", {"account"}),
        ("session.get(LineItem, key)", {"line_item"}),
        ("Customer.objects.get(pk=key)", {"customer"}),
        ("spent[f'order:{key}']", {"order"}),
        ("by_order[key]", {"by", "order"}),
        ("handed(key)", {"order"}),
        ("db.execute('select 1 from a where order_id = ?', key)", {"order"}),
        ("db.execute('select 1 from a where order_id = :k', {'k': key})", {"order"}),
        ("db.execute(text('insert into a (order_id, n) values (:k, :n)'), {'k': key, 'n': 1})", {"order"}),
        ("Kept(key)", {"order"}),
        ("show(key)", set()),
        ("rows.find(user_id=other)", set()),
    ],
)
def test_what_a_function_takes_it_for(body: str, expected: set[str]) -> None:
    text = f"""
        class Kept:
            def __init__(self, anything):
                self._anything = anything
            def read(self):
                return rows.find(order_id=self._anything)

        def handed(it):
            return rows.find(order_id=it)

        def take(key, other):
            return {body}
        """
    analysis = analysed(text)
    assert analysis.once(IdUses).of(function(analysis.program, "example.take"), "key") == expected


CALLS = """
    class Files:
        def read(self, flow_id): ...
        def size(self, flow_id): ...

    def take(user_id):
        {body}

    def first(thread_id):
        take(thread_id)

    def others(files: Files, user, thread, run, flow, key):
        {calls}
    """


@pytest.mark.parametrize(
    ("body", "calls", "expected"),
    [
        ("...", "take(user.id)", True),
        ("...", "take(current_user())", True),
        ("...", "take(key)", False),
        ("...", "take(user.id), take(thread.id)", False),
        ("rows.find(user_id=user_id)", "...", True),
        ("rows.find(thread_id=user_id)", "take(user.id)", False),
        ("rows.find(user_id=user_id, thread_id=user_id)", "...", True),
    ],
)
def test_a_second_sign_is_asked_for(body: str, calls: str, *, expected: bool) -> None:
    analysis = analysed(CALLS.replace("{body}", body).replace("{calls}", calls))
    take, scope = function(analysis.program, "example.take"), function(analysis.program, "example.first")
    assert analysis.once(IdUses).takes_only(take, "user_id", "thread", ("name", "thread_id"), scope) == expected


def test_who_calls_the_one_by_the_name_of_the_other_means_it() -> None:
    text = """
        def take(user_id):
            rows.find(user_id=user_id)

        def named(thread_id):
            user_id = thread_id
            take(thread_id)
        """
    analysis = analysed(text)
    take, scope = function(analysis.program, "example.take"), function(analysis.program, "example.named")
    assert not analysis.once(IdUses).takes_only(take, "user_id", "thread", ("name", "thread_id"), scope)


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        ("files.read(flow.id)", True),
        ("files.read(flow.id), files.size(user.id)", True),
        ("files.read(flow.id), files.size(user.id), files.size(run.user_id)", False),
    ],
)
def test_the_methods_of_a_class_speak_of_the_same(calls: str, *, expected: bool) -> None:
    analysis = analysed(CALLS.replace("{body}", "...").replace("{calls}", calls))
    read, scope = function(analysis.program, "example.Files.read"), function(analysis.program, "example.first")
    assert analysis.once(IdUses).takes_only(read, "flow_id", "user", ("name", "user_id"), scope) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("account.id", "customer"),
        ("other.id", "other"),
        ("owner_id", "user"),
        ("local", "user"),
        ("owner()", "user"),
        ("name", None),
    ],
)
def test_the_kind_that_is_given_is_that_of_its_class_or_name(given: str, expected: str | None) -> None:
    text = f"""
        class Customer: ...

        def work(account: Customer, other, owner_id, name):
            local = owner()
            return {given}
        """
    analysis = analysed(text)
    scope = function(analysis.program, "example.work")
    assert kind_given(analysis, scope.facts.returned[0].value, scope) == expected


def test_all_names_of_persons_are_one() -> None:
    assert [of("owner_id"), of("current_user_id"), of("order_id"), of_class("LineItemModel")] == [
        "user",
        "user",
        "order",
        "line_item",
    ]


@pytest.mark.parametrize(
    ("given", "expected"), [("key", True), ("str(key)", True), ("UUID(str(key))", True), ("hash(key)", False)]
)
def test_an_id_as_a_text_is_the_same_id(given: str, *, expected: bool) -> None:
    scope = function(analysed(f"def work(key): return {given}\n").program, "example.work")
    assert is_same(scope.facts.returned[0].value, ("name", "key"), scope) == expected
