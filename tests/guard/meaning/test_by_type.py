import pytest

from tests.guard.programs import analysed, function, shown

TEXT = """
from typing import Optional, Type, TypeVar

T = TypeVar("T")

class Mailer: ...

class Store:
    @classmethod
    async def load(cls: type[T], number) -> T: ...
    def of(self, kind: Type[T], strict=True) -> T: ...
    def held(self, kind: type[Mailer]) -> Mailer: ...

class Notes(Store): ...

async def work(store: Store, kind):
    by_place = store.of(Mailer)
    by_name = store.of(strict=False, kind=Mailer)
    loaded = await Notes.load(3)
    plainly = store.held(Mailer)
    unknown = store.of(kind)
"""


@pytest.mark.parametrize(
    ("name", "kind"),
    [("by_place", "Mailer"), ("by_name", "Mailer"), ("loaded", "Notes"), ("plainly", "Mailer"), ("unknown", "")],
)
def test_what_is_given_is_of_the_class_that_the_call_names(name: str, kind: str) -> None:
    analysis = analysed(TEXT)
    scope = function(analysis.program, "example.work")
    assert shown(analysis.receivers.value(("name", name), scope)) == kind
