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
