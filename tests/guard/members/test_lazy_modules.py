import pytest

from netra.guard.members.lazy_modules import answered_names
from tests.guard.programs import analysed

HEAD = "TABLE = {'a': 1, 'b': 2}\ndef __getattr__(name):\n"


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("    if name in TABLE:\n        return 1\n    raise AttributeError(name)", {"a", "b"}),
        ("    if name == 'c':\n        return 1\n    raise AttributeError(name)", {"c"}),
        ("    if name in ('c', 'd'):\n        return 1\n    raise AttributeError(name)", {"c", "d"}),
        ("    if name in TABLE:\n        return 1", None),
        ("    if name.startswith('a'):\n        return 1\n    raise AttributeError(name)", None),
        ("    return TABLE[name]", None),
        ("    if name in TABLE:\n        return 1\n    raise AttributeError(name)\nTABLE['c'] = 3", None),
    ],
)
def test_a_module_answers_for_the_names_that_it_asks_for(body: str, names: set[str] | None) -> None:
    (module,) = analysed(f"{HEAD}{body}\n").modules
    assert answered_names(module) == names
