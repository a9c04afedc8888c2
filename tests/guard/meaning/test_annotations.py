import pytest

from netra.guard.facts import Expression
from netra.guard.meaning.annotations import Annotations
from netra.guard.symbols import FunctionSymbol
from tests.guard.programs import function, program

TEXT = """
import datetime
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Optional, Union
from asyncio import Task
from elsewhere import Unknown, Root
from pydantic import BaseModel

class Thing: ...
class Record(BaseModel): ...
class Grown(Root): ...
class Late:
    def __await__(self): ...

def f(
    plain: str, thing: Thing, maybe: Thing | None, both: Union[Thing, str], marked: Annotated[Thing, 1], day: datetime.date,
    anything: Any, late: Late, waiting: Awaitable[str], either: Thing | Awaitable[Thing], made: Callable[[], str],
    record: Record | None, grown: Grown, task: Task, unknown: Unknown, optional: Optional[Unknown], listed: list[Any],
): ...
"""


def annotation(name: str) -> tuple[Expression, FunctionSymbol]:
    scope = function(program({"example.py": TEXT}), "example.f")
    found = scope.facts.parameters[scope.parameters[name]].annotation
    assert found is not None
    return found, scope


@pytest.mark.parametrize("name", ["plain", "thing", "maybe", "both", "marked", "day", "listed", "record"])
def test_an_annotation_may_leave_no_room_for_a_coroutine(name: str) -> None:
    promised, scope = annotation(name)
    assert Annotations(program({"example.py": TEXT})).promises_value(promised, scope)


@pytest.mark.parametrize("name", ["anything", "late", "waiting", "either", "made", "grown", "task", "unknown", "optional"])
def test_an_annotation_that_is_open_or_unknown_promises_nothing(name: str) -> None:
    promised, scope = annotation(name)
    assert not Annotations(program({"example.py": TEXT})).promises_value(promised, scope)
