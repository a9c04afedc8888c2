from netra.guard.faults import Fault
from netra.guard.fixing import edited
from tests.guard.programs import faults


def mended(line: str, code: str) -> str:
    text = f"async def f(): ...\nasync def g():\n    {line}\n"
    found: list[Fault] = faults(text, code)
    groups = [each.mend.edits for each in found if each.mend is not None and each.mend.edits]
    return edited(text.encode(), groups)[0].decode().splitlines()[2].strip()


def test_an_await_is_put_where_it_belongs() -> None:
    assert mended("f()", "A101") == "await f()"
    assert mended("f().x", "A103") == "(await f()).x"
    assert mended("f()['x']", "A103") == "(await f())['x']"
    assert mended("if f() == 1: pass", "A104") == "if (await f()) == 1: pass"
    assert mended("return f'é{f()}'", "A106") == "return f'é{await f()}'"


def test_a_synchronous_function_is_not_mended_without_looking() -> None:
    (fault,) = faults("async def f(): ...\ndef g():\n    f()\n", "A101")
    assert fault.mend is not None and fault.mend.edits == ()
