import ast
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from netra.guard.configuration import GuardConfiguration
from netra.guard.faults import Fault
from netra.guard.fixing import edited, fix
from tests.guard.programs import faults

NAMED = GuardConfiguration(owner=("app.config",), accessor="app.config.get_env")

GIVING = "import os\n\ndef get_env(name, default=None):\n    return os.environ.get(name, default)\n"


def program(owner: str, reader: str) -> dict[str, str]:
    return {"app/__init__.py": "", "app/config.py": dedent(owner), "app/work.py": dedent(reader)}


def found(files: Mapping[str, str]) -> list[Fault]:
    return [each for each in faults(files, "E101", configuration=NAMED) if each.path == "app/work.py"]


def mended(owner: str, reader: str) -> str:
    """The reader with all edits made. What is not mended is what it was, and what is mended is no longer found."""
    files = program(owner, reader)
    before = found(files)
    groups = [each.mend.edits for each in before if each.mend is not None and each.mend.edits]
    content, done = edited(files["app/work.py"].encode(), groups)
    after = content.decode()
    ast.parse(after)
    assert len(found({**files, "app/work.py": after})) == len(before) - len(done)
    return after


def of_body(owner: str, line: str) -> str:
    """What becomes of a line in a function of a module that imports `os`, without the import that is added."""
    return mended(owner, f"import os\n\ndef f():\n    {line}\n").splitlines()[-1].strip()


def test_each_read_is_put_through_an_accessor_that_does_the_same_for_a_missing_variable() -> None:
    assert of_body(GIVING, 'return os.getenv("X")') == 'return get_env("X")'
    assert of_body(GIVING, "return int(os.environ.get('X', 1))") == "return int(get_env('X', 1))"
    assert of_body(GIVING, "return os.getenv('X', default=1)") == "return get_env('X', default=1)"
    assert of_body(GIVING, "return 'é', os.environ.get(NAME)") == "return 'é', get_env(NAME)"
    raising = "import os\ndef get_env(name):\n    return os.environ[name]\n"
    assert of_body(raising, 'return os.environ["X"].strip()') == 'return get_env("X").strip()'
    assert of_body(raising, "return f\"{os.environ['X']}\"") == "return f\"{get_env('X')}\""


@pytest.mark.parametrize(
    ("owner", "line"),
    [
        (GIVING, 'return os.environ["X"]'),
        (GIVING, 'return "X" in os.environ'),
        (GIVING, "return os.getenv(*names)"),
        (GIVING, "return os.getenv(key='X')"),
        (GIVING, "return os.environb.get(b'X')"),
        (GIVING, "return list(map(os.getenv, names))"),
        (GIVING.replace("=None", '=""'), 'return os.getenv("X")'),
        (GIVING.replace(", default=None", "").replace(", default", ""), 'return os.getenv("X", 1)'),
        (GIVING.replace("get(name", 'get("APP_" + name'), 'return os.getenv("X")'),
        (GIVING.replace("return ", "return int(").replace("default)\n", "default))\n"), 'return os.getenv("X")'),
        (GIVING.replace("def", "@cache\ndef"), 'return os.getenv("X")'),
        (GIVING.replace("def", "async def"), 'return os.getenv("X")'),
        (GIVING.replace("default=None", "*, default=None"), 'return os.getenv("X", 1)'),
        ("import os\ndef get_env(name):\n    return os.environ[name]\n", 'return os.getenv("X")'),
        ("def other(): ...\n", 'return os.getenv("X")'),
    ],
)
def test_a_read_stays_where_the_accessor_would_do_something_else(owner: str, line: str) -> None:
    assert of_body(owner, line) == line


REFUSING = """
import os
def get_env(name):
    value = os.environ.get(name)
    if value is None:
        raise Missing(f"{name} is not set")
    return value
"""
TRANSLATING = """
import os
def get_env(name):
    try:
        return os.environ[name]
    except KeyError:
        raise Missing(name) from None
"""


@pytest.mark.parametrize("owner", [REFUSING, TRANSLATING], ids=["refusing", "translating"])
def test_an_accessor_that_raises_something_else_is_asked_where_nobody_catches_it(owner: str) -> None:
    assert of_body(owner, 'return os.environ["X"]') == 'return get_env("X")'
    caught = 'import os\ndef f():\n    try:\n        return os.environ["X"]\n    except KeyError:\n        return None\n'
    assert mended(owner, caught) == caught


def test_an_accessor_that_takes_empty_for_missing_stands_for_nothing() -> None:
    assert of_body(REFUSING.replace("value is None", "not value"), 'return os.environ["X"]') == 'return os.environ["X"]'


def test_another_name_for_a_function_of_the_library_is_an_accessor_too() -> None:
    assert of_body("import os\nget_env = os.environ.get\n", 'return os.getenv("X", 1)') == 'return get_env("X", 1)'


def test_several_reads_need_one_import_which_stands_where_imports_are_sorted() -> None:
    reader = """
    \"\"\"Work.\"\"\"
    from __future__ import annotations
    import os
    from app.base import x
    from app.models import y
    from . import z
    A = os.getenv("A")
    B = os.getenv("B", "1")
    """
    after = mended(GIVING, reader)
    assert after.count("import get_env") == 1
    assert "from app.base import x\nfrom app.config import get_env\nfrom app.models import y\n" in after
    assert 'A = get_env("A")\nB = get_env("B", "1")' in after
    assert mended(GIVING, after) == after


def test_what_is_imported_already_is_used_as_it_is_called_there() -> None:
    assert mended(GIVING, "import os\nfrom app import config as c\nx = os.getenv('X')\n").endswith("x = c.get_env('X')\n")
    after = mended(GIVING, "import os\nfrom app.config import get_env as g\nx = os.getenv('X')\n")
    assert after == "import os\nfrom app.config import get_env as g\nx = g('X')\n"


def test_an_import_that_may_not_have_run_is_not_relied_upon() -> None:
    reader = "import os\nif TYPE_CHECKING:\n    from app.config import get_env\nx = os.getenv('X')\n"
    assert mended(GIVING, reader) == reader


@pytest.mark.parametrize(
    "files",
    [
        {"app/config.py": "import app.work\n" + GIVING},
        {"app/config.py": "from . import work\n" + GIVING},
        {"app/config.py": "from app.far import x\n" + GIVING, "app/far.py": "from app.work import f as x\n"},
        {
            "app/config.py": "from app.deep.far import x\n" + GIVING,
            "app/deep/__init__.py": "import app.work\n",
            "app/deep/far.py": "x = 1\n",
        },
    ],
    ids=["itself", "relatively", "by another", "by the package of another"],
)
def test_no_circle_of_imports_is_made(files: dict[str, str]) -> None:
    (fault,) = found(program(GIVING, "import os\ndef f():\n    return os.getenv('X')\n") | files)
    assert fault.mend is not None and fault.mend.edits == () and fault.mend.words == "ask `app.config.get_env`"


def test_a_package_that_imports_the_reader_is_no_circle() -> None:
    files = program(GIVING, "import os\ndef f():\n    return os.getenv('X')\n") | {
        "app/__init__.py": "from app.work import f\n"
    }
    (fault,) = found(files)
    assert fault.mend is not None and fault.mend.edits


@pytest.mark.parametrize(
    "line",
    ["def get_env(): ...", "def g(get_env): ...", "from app.more import *"],
)
def test_a_name_that_means_something_else_stays_what_it_is(line: str) -> None:
    reader = f"import os\n{line}\nx = os.getenv('X')\n"
    assert mended(GIVING, reader) == reader


def test_a_read_that_is_spelt_otherwise_than_it_is_known_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("app").mkdir()
    reader = "import os\nx = os . getenv('X')\ny = os.getenv('Y')\n"
    Path("app/work.py").write_text(reader)
    assert [each.line for each in fix(found(program(GIVING, reader)))] == [3]
    assert Path("app/work.py").read_text().endswith("x = os . getenv('X')\ny = get_env('Y')\n")


def test_a_finding_past_recognised_settings_is_put_through_the_accessor_as_well() -> None:
    owner = GIVING + "LIMIT = os.environ['LIMIT']\n"
    files = program(owner, "import os\ndef f():\n    return os.getenv('LIMIT')\n")
    (fault,) = faults(files, "E101", configuration=GuardConfiguration(accessor="app.config.get_env"))
    assert fault.mend is not None and fault.mend.edits
