from netra.guard.environment import Access, accesses
from netra.guard.holdings import Holdings
from netra.guard.ownership import ClearOwners, is_of_commands
from tests.guard.programs import analysed, function

SETTINGS = "from pydantic_settings import BaseSettings\nclass Settings(BaseSettings):\n"
SETTINGS += "".join(f"    {name}: str\n" for name in ("a", *(f"setting_{number}" for number in range(40))))
APP = {
    "app/__init__.py": "",
    "app/settings.py": SETTINGS,
    "app/routes.py": "from fastapi import FastAPI\napp = FastAPI()\n@app.get('/')\ndef index(): ...\n",
    "app/work.py": "import os\nimport app.settings\nx = os.getenv('LIMIT')\n",
}


def read_in(files: dict[str, str], path: str) -> tuple[ClearOwners, Access]:
    analysis = analysed(files)
    return ClearOwners(analysis), next(each for each in accesses(analysis) if each.module.path == path)


def test_who_holds_all_settings_but_one_of_many_is_clearly_the_owner_for_who_needs_it_to_run() -> None:
    clear, access = read_in(APP, "app/work.py")
    owner = clear.over(access)
    assert owner is not None and owner.name == "app.settings"


def test_a_module_that_can_run_without_the_owner_or_that_the_owner_needs_could_not_ask_it() -> None:
    alone = "import os\nx = os.getenv('LIMIT')\n"
    clear, access = read_in(APP | {"app/work.py": alone}, "app/work.py")
    assert clear.over(access) is None
    clear, access = read_in(APP | {"app/settings.py": f"import app.work\n{SETTINGS}"}, "app/work.py")
    assert clear.over(access) is None


def test_what_a_server_brings_into_the_same_process_could_ask_whether_or_not_it_imports_the_owner() -> None:
    serving = APP | {"app/routes.py": f"import app.settings, app.work\n{APP['app/routes.py']}"}
    inside, at_once = "import os\ndef f():\n    return os.getenv('LIMIT')\n", "import os\nx = os.getenv('LIMIT')\n"
    for text, owned in ((inside, True), (at_once, False)):
        clear, access = read_in(serving | {"app/work.py": text}, "app/work.py")
        assert (clear.over(access) is not None) is owned
    needed = serving | {"app/work.py": inside, "app/settings.py": f"import app.work\n{SETTINGS}"}
    clear, access = read_in(needed, "app/work.py")
    assert clear.over(access) is None


def test_where_a_few_settings_are_read_elsewhere_nobody_is_clearly_the_owner() -> None:
    others = "".join(f"os.getenv('OTHER_{number}')\n" for number in range(2))
    clear, access = read_in(APP | {"app/work.py": f"{APP['app/work.py']}{others}"}, "app/work.py")
    assert clear.over(access) is None


def test_a_field_passes_for_a_setting_of_everybody_when_a_module_makes_the_object() -> None:
    serving = f"import app.work\n{APP['app/routes.py']}"
    reading = {"app/work.py": "import os\nimport app.settings\nx = os.getenv('A')\n", "app/routes.py": serving}
    for made, passed in (("settings = Settings()\n", True), ("def get():\n    return Settings()\n", False)):
        analysis = analysed(APP | reading | {"app/settings.py": f"{SETTINGS}{made}"})
        (bypass,) = Holdings(analysis).bypasses()
        assert ClearOwners(analysis).is_passed(bypass) is passed


def test_what_only_a_command_leads_to_is_of_commands() -> None:
    text = """
    import click
    @click.command()
    def run():
        prepare()
    def prepare(): ...
    def other(): ...
    """
    analysis = analysed(text)
    assert is_of_commands(analysis, function(analysis.program, "example.prepare"))
    assert not is_of_commands(analysis, function(analysis.program, "example.other"))
