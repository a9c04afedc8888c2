"""The settings are kept where at least two variables are asked for and another module imports it, unless most go without it."""

import pytest

from netra.guard.keeping import SettingsKeepers, is_within, part_of
from tests.guard.programs import analysed

CONFIG = "import os\nTITLE = os.getenv('APP_TITLE')\nKEY = os.getenv('APP_KEY')\n"
APP = {"app/__init__.py": "", "app/config.py": CONFIG, "app/a.py": "from app.config import TITLE\n"}


def kept(files: dict[str, str]) -> dict[str, set[str]]:
    """The keepers of a program, and what they ask the environment for."""
    return {name: set(each.variables) for name, each in SettingsKeepers(analysed(APP | files)).by_name.items()}


@pytest.mark.parametrize(
    "config",
    [
        CONFIG,
        "from decouple import config\nTITLE = config('APP_TITLE')\nKEY = config('APP_KEY')\n",
        "import os\nNAMES = [os.getenv(name) for name in ('APP_TITLE', 'APP_KEY')]\n",
    ],
)
def test_a_module_called_as_one_of_settings_that_asks_for_two_variables_keeps_them(config: str) -> None:
    assert kept({"app/config.py": config}) == {"app.config": {"APP_TITLE", "APP_KEY"}}


@pytest.mark.parametrize(
    "files",
    [
        {"app/config.py": "import os\nTITLE = os.getenv('APP_TITLE')\n"},
        {"app/config.py": "import os\nTITLE = os.getenv('APP_TITLE')\nHOME = os.getenv('HOME')\n"},
        {"app/config.py": "TITLE = 'title'\nKEY = 'key'\n"},
        {"app/a.py": ""},
        {"app/a.py": "", "tests/test_a.py": "from app.config import TITLE\n"},
    ],
)
def test_one_variable_or_a_module_that_nobody_imports_keeps_nothing(files: dict[str, str]) -> None:
    assert kept(files) == {}


def test_where_most_modules_read_for_themselves_it_is_no_custom() -> None:
    own = {f"app/own{number}.py": f"import os\nx = os.getenv('APP_OWN{number}')\n" for number in range(3)}
    assert kept(own) == {}
    knowing = {path: f"import app.config\n{text}" for path, text in own.items()}
    assert kept(knowing).keys() == {"app.config"}


def test_a_keeper_knows_whether_it_has_secrets_and_loads_a_file() -> None:
    def of(config: str) -> tuple[bool, bool, bool, frozenset[str]]:
        (keeper,) = SettingsKeepers(analysed(APP | {"app/config.py": config})).by_top["app"]
        return keeper.secrets, keeper.fills, keeper.loads, keeper.words

    assert of(CONFIG) == (True, False, False, frozenset({"APP"}))
    plain = CONFIG.replace("APP_KEY", "MAIL_LIMIT").replace("APP_TITLE", "MAIL_TITLE")
    loading = f"from dotenv import load_dotenv\nload_dotenv()\n{plain}"
    assert of(loading) == (False, True, True, frozenset({"APP", "MAIL"}))
    filling = f"{plain}def fill(name, value):\n    os.environ[name] = value\n"
    assert of(filling) == (False, True, False, frozenset({"APP", "MAIL"}))


def test_a_place_keeps_the_settings_of_the_package_around_what_is_there_for_all() -> None:
    assert [part_of(each) for each in ("app.config", "app.mail.config", "app.core.config", "config")] == [
        "app",
        "app.mail",
        "app",
        "",
    ]
    analysis = analysed({"app/__init__.py": "", "app/mail.py": "", "apple.py": ""})
    assert {each.name for each in analysis.modules if is_within(each, "app")} == {"app", "app.mail"}
    assert {each.name for each in analysis.modules if is_within(each, "")} == {"app", "app.mail", "apple"}


def test_settings_that_one_call_makes_are_kept_there_and_so_is_what_is_filled_in() -> None:
    text = """
import os
from typing import NamedTuple
class Aws(NamedTuple):
    region: str
    profile: str
AWS = Aws(
    region=os.environ.get("AWS_REGION"),
    profile=os.environ.setdefault("AWS_PROFILE", "default"),
)
"""
    files = {"owner.py": text, "service.py": "from owner import AWS\n"}
    found = SettingsKeepers(analysed(files)).by_name
    assert {name: set(each.variables) for name, each in found.items()} == {"owner": {"AWS_REGION", "AWS_PROFILE"}}


def test_a_function_that_is_asked_for_the_rest_of_a_name_keeps_all_that_begin_alike() -> None:
    by_name = "import os\ndef get(name): return os.environ[{}]\n"
    assert kept({"app/config.py": by_name.format("f'APP_{name}'")}) == {"app.config": set()}
    assert kept({"app/config.py": by_name.format("name")}) == {}
