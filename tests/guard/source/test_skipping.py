"""`netra.guard.source.skipping`: names that one way through a statement gives a value and another does not."""

import pytest

from tests.guard.programs import understood


def found(text: str) -> list[tuple[str, int]]:
    return [(each.name, each.line) for each in understood(text).unbound if each.how == "skipped"]


@pytest.mark.parametrize(
    "body",
    [
        "if a:\n  x = 1\n else:\n  log(a)\n return x",
        "if a:\n  x = 1\n elif b:\n  log(a)\n else:\n  x = 2\n return x",
        "if a:\n  x = 1\n else:\n  late = b\n  if late:\n   x = 2\n return x",
        "try:\n  x = a()\n except OSError:\n  log.error(1)\n return x",
        "try:\n  with a() as f:\n   x = f.read()\n except OSError:\n  log(1)\n return x",
        "try:\n  x = a()\n except OSError:\n  log(x)\n  return 1\n return x",
        "match a:\n  case 1:\n   x = 1\n  case 2:\n   log(2)\n return x",
        "match a:\n  case 1:\n   x = 1\n  case _:\n   pass\n return x",
        "with a:\n  if b:\n   x = 1\n  else:\n   log(b)\n  use(x)",
    ],
)
def test_a_way_that_goes_on_without_a_value_is_seen(body: str) -> None:
    assert [name for name, _ in found(f"def f(a, b, log, use):\n {body}\n")] == ["x"], body


@pytest.mark.parametrize(
    "body",
    [
        "if a:\n  x = 1\n else:\n  x = 2\n return x",
        "if a:\n  x = 1\n else:\n  return 2\n return x",
        "if a:\n  x = 1\n else:\n  raise ValueError\n return x",
        "x = 0\n if a:\n  x = 1\n else:\n  log(a)\n return x",
        "if a:\n  x = 1\n else:\n  log(a)\n if a:\n  return x",
        "if a:\n  x = 1\n else:\n  log(a)\n if not a:\n  return 1\n return x",
        "if a:\n  x = 1\n else:\n  if b:\n   x = 2\n  if not b:\n   x = 3\n return x",
        "if a:\n  x = 1\n elif b:\n  if not a:\n   x = 2\n else:\n  x = 3\n return x",
        "if a:\n  x = 1\n elif b:\n  x = 2\n return x",
        "for _ in a:\n  x = 1\n return x",
        "try:\n  x = a()\n except OSError:\n  raise\n return x",
        "try:\n  x = a()\n  b(x)\n except OSError:\n  log(1)\n return x",
        "try:\n  x = a()\n except OSError as error:\n  format_and_raise(error)\n return x",
        "try:\n  x = a()\n except OSError:\n  with save_and_reraise():\n   log(1)\n return x",
        "ok = True\n try:\n  x = a()\n except OSError:\n  ok = False\n if not ok:\n  return 1\n return x",
        "no = None\n try:\n  x = a()\n except OSError as e:\n  no = e\n if no is not None:\n  _raise_it(no)\n return x",
        "try:\n  import x\n except ImportError:\n  log(1)\n return x",
        "match a:\n  case (x, _):\n   pass\n  case x:\n   log(1)\n return x",
        "match a:\n  case 1:\n   x = 1\n  case 2:\n   x = 2\n return x",
        "try:\n  x = a()\n except OSError:\n  x = None\n return x",
        "for _ in a:\n  try:\n   x = a()\n   break\n  except OSError:\n   log(1)\n return x",
    ],
)
def test_a_way_that_leaves_and_a_name_that_may_well_have_its_value_are_left_alone(body: str) -> None:
    assert found(f"def f(a, b, log):\n {body}\n") == [], body
