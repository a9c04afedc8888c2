from collections.abc import Mapping
from pathlib import Path

from netra.guard.source.beginnings import beginnings
from tests.guard.programs import understood

HERE = Path.cwd()


def begin(files: Mapping[str, str]) -> list[str]:
    found = beginnings({HERE / path: understood(text) for path, text in files.items()}, HERE)
    return [each.relative_to(HERE).as_posix() for each in found]


def test_a_folder_whose_files_import_each_other_by_what_stands_in_it_begins_a_program() -> None:
    assert begin(
        {
            "server/shop/views.py": "from shop import selectors\nimport shop.models",
            "server/shop/selectors.py": "",
            "server/shop/models.py": "",
            "tools/x.py": "import json",
        }
    ) == ["server"]


def test_a_script_finds_what_lies_beside_it() -> None:
    assert begin({"server/main.py": "from tables import Base", "server/tables.py": ""}) == ["server"]
    assert begin({"server/parts/main.py": "from tables import Base", "server/tables.py": ""}) == []


def test_what_is_imported_from_above_is_a_package() -> None:
    assert begin({"app/main.py": "from app.db import engine", "app/db.py": ""}) == []
    files = {"work/app/main.py": "import app.db", "work/app/db.py": "", "run.py": "from work.app import db"}
    assert begin(files) == []
    assert begin({"app/main.py": "import tables\nfrom .db import engine", "app/db.py": "", "app/tables.py": ""}) == []


def test_what_may_be_a_library_or_one_of_two_programs_says_nothing() -> None:
    assert begin({"app/main.py": "import redis", "app/redis.py": ""}) == []
    assert begin({"app/main.py": "import queue", "app/queue.py": ""}) == []
    two = {f"{each}/app/{name}.py": "from app.db import engine" for each in ("one", "two") for name in ("main", "db")}
    assert begin(two) == []


def test_packages_with_an_init_need_no_beginning() -> None:
    assert begin({"back/app/__init__.py": "", "back/app/main.py": "from app.db import engine", "back/app/db.py": ""}) == []


def test_what_the_working_directory_has_is_meant_first() -> None:
    files = {"old/app/main.py": "from app.db import engine", "old/app/db.py": "", "app/db.py": "", "app/main.py": ""}
    assert begin(files) == []
