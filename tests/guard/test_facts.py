import marshal

from netra.guard.facts import dotted, last_name, restored, stored
from tests.guard.programs import understood

TEXT = '''
import a
class B(a.C):
    """Doc."""
    x: int = 1
    @property
    async def m(self, *, y: "int" = 2):
        with self.lock as z:
            yield f"{await z.w(1)}"  # guard: ignore[A101] because
'''


def test_what_is_stored_comes_back_as_it_was() -> None:
    file = understood(TEXT)
    assert restored(marshal.loads(marshal.dumps(stored(file)))) == file


def test_names_and_dots_have_a_name() -> None:
    expression = ("attribute", ("attribute", ("name", "a"), "b"), "c")
    assert (dotted(expression), last_name(expression)) == ("a.b.c", "c")
    assert (dotted(("attribute", ("call", 0), "c")), last_name(("attribute", ("call", 0), "c"))) == (None, "c")


def test_a_call_passes_each_thing_by_its_position_or_its_name() -> None:
    call = understood("f(a, *b, c=d, **e)\n").functions[0].calls[0]
    assert call.placed == [(0, ("name", "a")), (1, ("star", ("name", "b"))), ("c", ("name", "d")), ("**", ("name", "e"))]
    assert call.given == tuple(value for _, value in call.placed)
