import pytest

from netra.guard.meaning.places import Fate
from tests.guard.programs import analysed


@pytest.mark.parametrize(
    ("text", "fates"),
    [
        ("async def g() -> list[str]: return [f() for _ in range(3)]", [Fate.RETURNED]),
        ("async def g() -> dict[str, int]: return {'a': f()}", [Fate.RETURNED]),
        ("async def g() -> list[str]:\n    found = [f() for _ in range(3)]\n    return found", [Fate.RETURNED]),
        ("async def g() -> list: return [f()]", []),
        ("async def g() -> list[str]: return [f()]\nasync def h(): await asyncio.gather(*await g())", []),
        ("def g(): return [f()]\ndef h(): g()", [Fate.DROPPED]),
        ("def g():\n    found = [f()]\n    return found\ndef h(): g()", [Fate.DROPPED]),
        ("def g():\n    found = [f()]\n    print(1)\n    return found\ndef h(): g()", []),
        ("def g(): return [f()]\ndef h(): return g()", []),
    ],
)
def test_coroutines_in_a_list_are_wrong_where_values_are_declared_or_nobody_keeps_it(text: str, fates: list[Fate]) -> None:
    assert [each.fate for each in analysed(f"import asyncio\nasync def f(): ...\n{text}\n").misuses] == fates
