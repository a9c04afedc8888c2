"""What parameters are, by what is said of them and by what callers pass."""

from netra.guard.meaning.parameters import is_filled_in, may_be_left_out, promise_of
from netra.guard.values import Either, Instance
from tests.guard.programs import analysed, function, of_class

CALLS = """
class Thing: ...
class Other: ...
def helper(given): return given
def two_kinds(mixed): return mixed
def main():
    helper(Thing())
    two_kinds(Thing())
    two_kinds(Other())
"""


def test_call_sites_tell_what_a_parameter_is_when_they_agree() -> None:
    analysis = analysed(CALLS)
    found = analysis.receivers.value(("name", "given"), function(analysis.program, "example.helper"))
    assert isinstance(found, Instance) and found.kind.name == "Thing"
    assert analysis.receivers.value(("name", "mixed"), function(analysis.program, "example.two_kinds")) == Either(
        tuple(Instance(of_class(analysis.program, f"example.{name}")) for name in ("Thing", "Other"))
    )


def test_a_parameter_of_a_constructor_is_what_those_pass_who_make_the_object() -> None:
    analysis = analysed(
        """
        from sqlalchemy.orm import Session


        class Repository:
            def __init__(self, session):
                self.session = session

            def find(self):
                return self.session


        class People(Repository):
            pass


        class Streets(Repository):
            def __init__(self, other):
                super().__init__(other)


        def main(session: Session):
            return Repository(session), People(session), Streets(session)
        """
    )
    find = function(analysis.program, "example.Repository.find")
    match analysis.receivers.value(("attribute", ("name", "self"), "session"), find):
        case Instance(kind=kind):
            assert kind.full_name == "sqlalchemy.orm.Session"
        case other:
            raise AssertionError(other)


def test_what_depends_gives_is_injected_and_what_a_client_sends_is_not() -> None:
    analysis = analysed(
        """
        from fastapi import Depends


        def current(): ...


        def route(item_id: str, user=Depends(current)): ...
        """
    )
    route = function(analysis.program, "example.route")
    assert [analysis.receivers.parameters.is_injected(each, route) for each in route.facts.parameters] == [False, True]


def test_a_method_of_a_parameter_is_known_by_the_promise_of_its_annotation() -> None:
    text = "class Order: ...\ndef pay(order: Order, other):\n    order.owner.pay()\n    other.pay()\n    order()\n"
    scope = function(analysed(text).program, "example.pay")
    promised = [promise_of(call.callee, scope) for call in scope.facts.calls]
    assert promised == [("name", "Order"), None, None]


def test_a_parameter_may_be_left_out_or_be_filled_in_then() -> None:
    text = """
    def f(left=None, filled=None, said: str | None = None, number=1, asked=None):
        filled = filled or Pool()
        asked = Pool()
    """
    f = function(analysed(text).program, "example.f")
    names = ("left", "filled", "said", "number", "asked", "absent")
    assert [name for name in names if may_be_left_out(("name", name), f)] == ["left"]
    assert [name for name in names if is_filled_in(name, f)] == ["filled"]
