from netra.guard.environment import Touch, accesses
from netra.guard.keepers import Keepers
from tests.guard.programs import analysed

ROUTES = "from fastapi import FastAPI\nfrom app import a, b, config\napp = FastAPI()\n@app.get('/')\ndef index(): ...\n"
APP = {
    "app/__init__.py": "",
    "app/config.py": "import os\nTITLE = os.getenv('APP_TITLE')\nKEY = os.getenv('APP_KEY')\n",
    "app/a.py": "from app.config import TITLE\n",
    "app/b.py": "from app.config import TITLE\n",
    "app/routes.py": ROUTES,
}


def passed(files: dict[str, str]) -> dict[str, str]:
    bypasses = Keepers(analysed(APP | files)).bypasses()
    return {each.access.module.name: each.owner.name for each in bypasses}


def test_who_imports_the_keeper_and_reads_the_environment_passes_it_by() -> None:
    reading = "import os\nfrom app.config import TITLE\nx = os.getenv('LIMIT')\n"
    assert passed({"app/a.py": reading}) == {"app.a": "app.config"}


def test_a_program_that_serves_nobody_has_no_keeper_of_a_server() -> None:
    reading = "import os\nfrom app.config import TITLE\nx = os.getenv('LIMIT')\n"
    assert passed({"app/a.py": reading, "app/routes.py": "from app import a, config\n"}) == {}


def test_what_the_keeper_needs_could_not_ask_it() -> None:
    reading = "import os\nimport app.config\nx = os.getenv('LIMIT')\n"
    config = f"import app.a\n{APP['app/config.py']}"
    assert passed({"app/a.py": reading, "app/config.py": config}) == {}


def test_the_top_package_is_there_before_its_settings() -> None:
    assert passed({"app/__init__.py": "import os\nimport app.config\nx = os.getenv('APP_LIMIT')\n"}) == {}


def test_two_services_have_a_keeper_each() -> None:
    other = {path.replace("app/", "other/"): text.replace("app", "other") for path, text in APP.items()}
    reading = {"other/a.py": "import os\nfrom other.config import TITLE\nx = os.getenv('LIMIT')\n"}
    assert passed(other | reading) == {"other.a": "other.config"}


def test_a_keeper_has_secrets_when_it_asks_for_one_and_fills_the_environment_when_it_loads_a_file() -> None:
    analysis = analysed(APP)
    (keeper,) = Keepers(analysis).of(analysis.program.modules["app.a"])
    assert (keeper.secrets, keeper.fills, keeper.words) == (True, False, frozenset({"APP"}))
    config = (
        "import os\nfrom dotenv import load_dotenv\nload_dotenv()\nTITLE = os.getenv('TITLE')\nLIMIT = os.getenv('LIMIT')\n"
    )
    analysis = analysed(APP | {"app/config.py": config})
    (keeper,) = Keepers(analysis).of(analysis.program.modules["app.a"])
    assert (keeper.secrets, keeper.fills, keeper.words) == (False, True, frozenset({"APP"}))


def test_a_variable_of_which_only_the_beginning_stands_there_is_the_programs_own_by_it() -> None:
    text = "import os\nimport app.config\ndef f(name):\n    os.environ[f'APP_{name}'] = os.environ[f'X_{name}'] = 'on'\n"
    analysis = analysed(APP | {"app/a.py": text})
    keepers = Keepers(analysis)
    (keeper,) = keepers.of(analysis.program.modules["app.a"])
    written = [each for each in accesses(analysis) if each.touch is Touch.WRITE]
    assert any(keepers.begins_as_own(each, keeper) for each in written)


def test_what_the_keeper_of_a_part_does_not_hold_and_the_rest_reads_is_not_that_parts() -> None:
    inner = {path.replace("app/", "app/mail/"): text.replace("app", "app.mail") for path, text in APP.items()}
    inner["app/mail/routes.py"] = ROUTES.replace("from app", "from app.mail")
    inner["app/mail/a.py"] = "import os\nfrom app.mail.config import TITLE\nx = os.getenv('LIMIT')\n"
    assert passed(inner) == {"app.mail.a": "app.mail.config"}
    assert "app.mail.a" not in passed(inner | {"app/b.py": "import os\nx = os.getenv('LIMIT')\n"})


def test_where_more_than_a_dozen_modules_read_for_themselves_only_what_the_keeper_holds_is_passed_by() -> None:
    reading = "import os\nfrom app.config import TITLE\nx = os.getenv('{}')\n"
    scattered = {f"app/part{number}.py": reading.format(f"APP_PART_{number}") for number in range(13)}
    assert passed(scattered) == {}
    assert passed({"app/a.py": reading.format("APP_KEY")} | scattered) == {"app.a": "app.config"}
    few = dict([*scattered.items()][:12])
    assert len(passed(few)) == 12
