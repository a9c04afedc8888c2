from netra.guard.importing import ImportOrder
from tests.guard.programs import analysed

APP = {
    "app/__init__.py": "",
    "app/config.py": "from app import names\n",
    "app/names.py": "",
    "app/work.py": "from app.config import KEY\n",
    "app/routes.py": "import app.work\n",
    "app/later.py": "def f():\n    import app.config\n",
    "app/sub/__init__.py": "import app.config\n",
    "app/sub/inner.py": "",
}


def test_what_a_module_imports_has_run_before_it() -> None:
    analysis = analysed(APP)
    modules = analysis.program.modules
    found = ImportOrder(analysis).before(modules["app.routes"])
    assert {each.name for each in found} == {"app", "app.work", "app.config", "app.names"}


def test_what_imports_a_module_in_a_function_can_run_without_it_and_what_lies_in_a_package_that_imports_it_cannot() -> None:
    analysis = analysed(APP)
    found = ImportOrder(analysis).after(analysis.program.modules["app.config"])
    assert {each.name for each in found} == {"app.work", "app.routes", "app.sub", "app.sub.inner"}


def test_a_module_asks_another_for_a_name_that_was_made_there_whoever_hands_it_on() -> None:
    files = {
        "app/__init__.py": "",
        "app/core/__init__.py": "from app.core.settings import settings, Settings",
        "app/core/settings.py": "class Settings: ...\nsettings = Settings()\n",
        "app/at_once.py": "from app.core import settings\n",
        "app/later.py": "def f():\n    from .core import Settings\n",
        "app/alone.py": "import os\n",
        "app/whole.py": "import app.core.settings\n",
    }
    analysis = analysed(files)
    order, modules = ImportOrder(analysis), {each.name: each for each in analysis.modules}
    owner = modules["app.core.settings"]
    found = {name: (order.asks(each, owner), order.asks(each, owner, at_once=True)) for name, each in modules.items()}
    assert found["app.at_once"] == found["app.whole"] == found["app.core"] == (True, True)
    assert found["app.later"] == (True, False)
    assert found["app.alone"] == (False, False)
    assert order.stands_alone(modules["app.alone"]) and not order.stands_alone(modules["app.later"])


def test_what_a_package_imports_further_down_has_not_run_when_a_module_in_it_does() -> None:
    files = {
        "app/__init__.py": "from app.base import KEY\nfrom app.late import OTHER\n",
        "app/base.py": "import app.names\nfrom other import tool\nKEY = 1\n",
        "app/names.py": "",
        "app/late.py": "OTHER = 1\n",
        "other.py": "import app\ndef tool(): ...\n",
    }
    analysis = analysed(files)
    found = ImportOrder(analysis).brought(analysis.program.modules["app.base"])
    assert {each.name for each in found} == {"app.names", "other"}


def test_what_is_imported_for_type_checkers_does_not_run() -> None:
    files = {
        "app/__init__.py": "",
        "app/base.py": "from typing import TYPE_CHECKING\nimport app.names\nif TYPE_CHECKING:\n    import app.late\n",
        "app/names.py": "",
        "app/late.py": "",
    }
    analysis = analysed(files)
    found = ImportOrder(analysis).brought(analysis.program.modules["app.base"])
    assert {each.name for each in found} == {"app.names"}
