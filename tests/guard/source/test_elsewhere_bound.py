"""`netra.guard.source.elsewhere_bound`: names that have their value on another way than the one that reads them."""

import pytest

from tests.guard.programs import understood


def found(body: str, head: str = "def f(a, b, use):") -> list[tuple[str, str]]:
    return [(each.name, each.how) for each in understood(f"{head}\n {body}\n").unbound if each.how in ("apart", "ended")]


@pytest.mark.parametrize(
    "body",
    [
        "if a:\n  x = 1\n else:\n  use(x)",
        "with a:\n  if a:\n   x = 1\n  else:\n   use(x)",
        "if a:\n  for x in b:\n   use(x)\n else:\n  use(x)",
        "for y in b:\n  if y:\n   for x in y:\n    use(x)\n  else:\n   use(x)",
        "for y in b:\n  if a:\n   if y:\n    for x in y:\n     a(x)\n   else:\n    use(x)\n  elif y:\n   for x in y:\n    a(x)",
    ],
)
def test_the_other_branch_has_no_value(body: str) -> None:
    assert found(body) == [("x", "apart")]


@pytest.mark.parametrize(
    "body",
    [
        "if a:\n  x = 1\n else:\n  x = 2\n  use(x)",
        "if a:\n  x = 1\n else:\n  use(lambda: x)",
        "for y in b:\n  if y:\n   x = y\n  else:\n   use(x)",
        "for y in b:\n  for x in y:\n   use(x)\n  if y:\n   for x in a:\n    use(x)\n  else:\n   use(x)",
        "global x\n if a:\n  x = 1\n else:\n  use(x)",
        "x = 0\n if a:\n  x = 1\n else:\n  use(x)",
        "if a:\n  x = 1\n else:\n  if b:\n   use(x)",
    ],
)
def test_a_value_that_may_be_there_is_left_alone(body: str) -> None:
    assert found(body) == []


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("def f(a, use):", "try:\n  x = a()\n finally:\n  use(x)"),
        ("def f(a, use):", "try:\n  x = a()\n except OSError:\n  use(1)\n finally:\n  use(x)"),
        ("def f(a, use):", "try:\n  x = a()\n except OSError:\n  x = 1\n finally:\n  use(x)"),
        ("async def f(a, use):", "try:\n  x = await a()\n except Exception:\n  x = 1\n finally:\n  use(x)"),
    ],
)
def test_what_fails_leaves_the_end_without_a_value(head: str, body: str) -> None:
    assert found(body, head) == [("x", "ended")]


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("def f(a, use):", "x = None\n try:\n  x = a()\n finally:\n  use(x)"),
        ("def f(a, use):", "try:\n  x = 1\n finally:\n  use(x)"),
        ("def f(a, use):", "try:\n  x = a()\n except Exception:\n  x = 1\n finally:\n  use(x)"),
        ("async def f(a, use):", "try:\n  x = await a()\n except BaseException:\n  x = 1\n finally:\n  use(x)"),
        ("async def f(a, use):", "try:\n  x = await a()\n except:\n  x = 1\n finally:\n  use(x)"),
        ("def f(a, use):", "try:\n  x = a()\n finally:\n  if a:\n   use(x)"),
    ],
)
def test_an_end_that_always_has_a_value_is_left_alone(head: str, body: str) -> None:
    assert found(body, head) == []
