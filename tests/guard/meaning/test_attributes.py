import pytest

from netra.guard.values import Instance, Routine, TypeOf
from tests.guard.programs import analysed, of_class, shown

TEXT = """
import enum
class Above:
    kept: "Other"
    def named(self) -> "Other": ...
    @property
    def other(self) -> "Other": ...
    @classmethod
    def made(cls): ...
class Thing(Above):
    def __init__(self): self.own = Other()
    def again(self): return super().named()
class Left(Above):
    def named(self): return super().named()
class Between(Above):
    def named(self): ...
class Both(Left, Between): ...
class Other: ...
class Side(enum.Enum):
    buy = 1
class Field:
    def __get__(self, instance, owner): ...
class Model:
    field = Field()
    class Inner: ...
"""


@pytest.mark.parametrize(
    ("kind", "name", "of_object", "of_class_itself"),
    [
        ("Thing", "own", "Other", "Other"),
        ("Thing", "kept", "Other", "Other"),
        ("Thing", "named", "bound named", "named"),
        ("Thing", "other", "Other", "Other"),
        ("Thing", "made", "bound made", "bound made"),
        ("Thing", "__class__", "type Thing", ""),
        ("Thing", "absent", "", ""),
        ("Side", "buy", "int", "Side"),
        ("Model", "field", "", ""),
        ("Model", "Inner", "type Inner", "type Inner"),
    ],
)
def test_what_objects_and_classes_have(kind: str, name: str, of_object: str, of_class_itself: str) -> None:
    analysis = analysed(TEXT)
    found = of_class(analysis.program, f"example.{kind}")
    assert shown(analysis.receivers.attribute(Instance(found), name)) == of_object
    assert shown(analysis.receivers.attribute(TypeOf(found), name)) == of_class_itself


@pytest.mark.parametrize(("kind", "name", "expected"), [("Thing", "again", "bound named"), ("Left", "named", "")])
def test_what_comes_next_is_not_known_where_a_class_below_has_another_between(kind: str, name: str, expected: str) -> None:
    analysis = analysed(TEXT)
    scope = of_class(analysis.program, f"example.{kind}").methods[name][0]
    above = next(each.callee for each in scope.facts.calls if each.callee[-1] == "named")
    assert shown(analysis.receivers.value(above, scope)) == expected


def test_what_is_decorated_by_itself_is_nothing_that_a_library_has_taken() -> None:
    analysis = analysed("""
        from taskiq import AsyncBroker
        broker = AsyncBroker()
        class Kept:
            @month.expression
            def month(self): ...
        @broker.task
        def sent(): ...
        """)
    kept = next(each for each in analysis.scopes if each.name == "Kept")
    routine = Routine(next(each for each in kept.children if each.name == "month"))
    assert analysis.receivers.attribute(routine, "expression") is None
    sent = analysis.receivers.value(("attribute", ("name", "sent"), "kiq"), analysis.modules[0].top)
    assert isinstance(sent, Routine)
