import pytest

from netra.guard.meaning.latecalls import promises_late_call
from tests.guard.programs import understood


@pytest.mark.parametrize(
    ("annotation", "promises"),
    [
        ("Callable[[str], Awaitable[None]]", True),
        ("Callable[..., Coroutine[Any, Any, int]] | None", True),
        ("Optional[Callable[[], Awaitable[int]]]", True),
        ("Listener", True),
        ("Callable[[str], None]", False),
        ("Callable[[str], Awaitable[None] | None]", False),
        ("Awaitable[None]", False),
        ("Callable", False),
    ],
)
def test_an_annotation_says_that_calling_it_gives_something_to_await(annotation: str, promises: bool) -> None:
    function = understood(f"def f(x: {annotation}): ...").functions[1]
    assert promises_late_call(function.parameters[0].annotation, frozenset({"Listener"})) is promises
