from netra.guard.holdings import Holdings
from tests.guard.programs import analysed

APP = {
    "app/__init__.py": "",
    "app/config.py": "import os\nKEY = os.getenv('KEY', 'none')\n",
    "app/work.py": "import os\nx = os.getenv('KEY')\n",
}


def test_two_programs_that_know_nothing_of_each_other_hold_no_setting_together() -> None:
    other = {"other/__init__.py": "", "other/work.py": "import os\nx = os.getenv('KEY')\n"}
    bypasses = Holdings(analysed(APP | other)).bypasses()
    assert [each.access.module.name for each in bypasses] == ["app.work"]
    importing = other | {"other/more.py": "import app.work"}
    assert len(list(Holdings(analysed(APP | importing)).bypasses())) == 2


def test_modules_beside_one_another_in_no_package_are_of_one_program() -> None:
    files = {"config.py": APP["app/config.py"], "work.py": APP["app/work.py"], "other/work.py": APP["app/work.py"]}
    bypasses = Holdings(analysed(files)).bypasses()
    assert [each.access.module.path for each in bypasses] == ["work.py"]


def test_the_owner_of_a_served_program_owns_what_stands_outside_it_and_nobody_owns_a_library() -> None:
    fields = "".join(f"    field_{number}: str\n" for number in range(10))
    files = {
        "app/__init__.py": "",
        "app/config.py": f"from pydantic_settings import BaseSettings\nclass Settings(BaseSettings):\n{fields}",
        "app/work.py": "def run(): ...\n",
    }
    serve = {"app/serve.py": "from fastapi import FastAPI\napp = FastAPI()\n@app.get('/')\nasync def index(): ...\n"}
    for added, named in ((serve, "app.config"), ({}, None)):
        analysis = analysed(files | added)
        holdings = Holdings(analysis)
        owner = holdings.owner_of(analysis.program.modules["app.work"])
        assert (owner and owner.name) == named
        assert holdings.owner_of(analysis.program.modules["app.config"]) is None
