"""A request that says which variable it changes is meant to; one that only has its value there is not."""

import pytest

from netra.guard.environment import Touch, accesses
from netra.guard.meant import is_meant
from netra.guard.requests.brought import Origin
from tests.guard.programs import analysed

NAMES = "import os\nNAMES = {'one': 'ONE_KEY'}\nCOUNTS = {'one': 1}\n"


def _is_meant(body: str, *, personal: bool = False, path: str = "app.py") -> bool:
    analysis = analysed({path: f"{NAMES}async def f(self, name, value, rows, request):\n    {body}\n"})
    (access,) = (each for each in accesses(analysis) if each.touch is Touch.WRITE)
    written = [each.value for each in access.scope.facts.assignments if each.target[0] == "subscript"]
    return is_meant(analysis, access, Origin("value", (), personal), written)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("os.environ['ONE_KEY'] = value", False),
        ("os.environ[name] = value", True),
        ("os.environ[self.name] = value", False),
        ("os.environ[NAMES[name]] = value", False),
        ("os.environ[NAMES.get(name)] = value", False),
        ("os.environ[COUNTS[name]] = value", True),
        ("os.environ[f'{name}_API_KEY'] = value", False),
        ("os.environ[f'{name}_PLACE'] = value", True),
        ("for key, each in (await rows.of(value)).items(): os.environ[key] = each", False),
        ("for key, each in (await request.json()).items(): os.environ[key] = each", True),
    ],
)
def test_who_says_which_variable_it_is(body: str, expected: bool) -> None:
    assert _is_meant(body) is expected


def test_what_is_of_one_user_is_meant_for_nobody_else_but_where_the_settings_are() -> None:
    assert not _is_meant("os.environ[name] = value", personal=True)
    assert _is_meant("os.environ['ONE_KEY'] = value", personal=True, path="settings.py")
