"""What is read at an import is early where every load of a file comes after that import."""

import pytest

from netra.guard.dotenv_order import early_reads
from tests.guard.programs import analysed

LOADING = "from dotenv import load_dotenv\nfrom app import config\ndef main():\n    load_dotenv()\n"


def _early(config: str, main: str = LOADING) -> list[tuple[str, int]]:
    found = early_reads(analysed({"app/__init__.py": "", "app/config.py": config, "app/main.py": main}))
    return [(each.what, each.line) for early in found for each in early.reads]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("import os\nKEY = os.environ['KEY']\n", [("`KEY`", 2)]),
        ("import os\nclass Config:\n    key = os.getenv('KEY')\n", [("`KEY`", 3)]),
        ("import os\ndef ask(key=os.getenv('KEY')): ...\n", [("`KEY`", 2)]),
        ("import os\ndef ask(): return os.getenv('KEY')\nKEY = ask()\n", [("`KEY`", 3)]),
        ("import os\ndef ask(): return os.getenv('KEY')\n", []),
        ("import os\nask = lambda: os.getenv('KEY')\n", []),
        ("import os\nHOME = os.environ['HOME']\nFILE = os.getenv('ENV_FILE')\n", []),
        ("import os\ndef make():\n    class Inner:\n        key = os.getenv('KEY')\n", []),
        ("import os\nif __name__ == '__main__':\n    KEY = os.environ['KEY']\n", []),
    ],
)
def test_what_an_import_reads(config: str, expected: list[tuple[str, int]]) -> None:
    assert _early(config) == expected


@pytest.mark.parametrize(
    "main",
    [
        "from dotenv import load_dotenv\nload_dotenv()\nfrom app import config\n",
        "from dotenv import load_dotenv\ndef main():\n    load_dotenv()\n    from app import config\n",
        f"{LOADING}    pass\nload_dotenv()\n".replace("from app import config\n", ""),
        "from app import config\n",
    ],
)
def test_a_load_that_comes_first_or_that_nobody_makes(main: str) -> None:
    assert not _early("import os\nKEY = os.environ['KEY']\n", main)
