import pytest

from netra.guard.revisions.surface import promised, warns
from tests.guard.programs import program


def names(files: dict[str, str], *public: str) -> list[str]:
    return [each.full_name for each in promised(program(files), public)]


def test_public_is_what_somebody_listed_or_handed_on() -> None:
    files = {
        "p/__init__.py": "import os\nfrom p.a import Plan\nfrom other import x\n",
        "p/a.py": "class Plan:\n    def sell(self): ...\n    def _hide(self): ...\ndef f(): ...\n",
        "p/b.py": "__all__ = ['g']\ndef g(): ...\ndef h(): ...\n",
        "p/_c.py": "__all__ = ['i']\ndef i(): ...\n",
        "tests/test_p.py": "__all__ = ['j']\ndef j(): ...\n",
    }
    assert names(files) == ["p.Plan", "p.b.g"]


def test_public_is_what_the_configuration_names() -> None:
    files = {
        "p/__init__.py": "",
        "p/api/__init__.py": "import os\ndef f(): ...\ndef _g(): ...\n",
        "p/inner.py": "def h(): ...\n",
    }
    assert names(files, "p.api") == ["p.api.f"]


@pytest.mark.parametrize(
    "text",
    [
        "def f():\n    warnings.warn('f leaves', DeprecationWarning)\n",
        "def f():\n    warnings.warn('f leaves', category=DeprecationWarning)\n",
        "@deprecated('f leaves')\ndef f(): ...\n",
        "class f:\n    def __init__(self):\n        warn('f leaves', FutureWarning)\n",
        "def f():\n    warn_deprecated('f')\n",
    ],
)
def test_a_shim_that_warns_is_recognised(text: str) -> None:
    whole = program({"a.py": text})
    (each,) = promised(whole, ["a"])
    assert warns(whole, each)


@pytest.mark.parametrize("text", ["def f(): ...\n", "def f():\n    warnings.warn('slow', RuntimeWarning)\n", "f = 1\n"])
def test_what_does_not_warn_is_no_shim(text: str) -> None:
    whole = program({"a.py": text})
    (each,) = promised(whole, ["a"])
    assert not warns(whole, each)


def test_a_module_may_warn_for_a_name_that_it_only_makes_up() -> None:
    (each,) = promised(program({"a.py": "def f(): ...\n"}), ["a"])
    later = program({"a.py": "def __getattr__(name):\n    warnings.warn(name, DeprecationWarning)\n"})
    assert warns(later, each)
