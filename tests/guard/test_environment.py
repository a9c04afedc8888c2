from netra.guard.environment import Replaced, Touch, accesses, is_edge, outside, owners, serving_reads, written_variables
from tests.guard.programs import analysed

APP = {
    "app/__init__.py": "",
    "app/settings.py": "from pydantic_settings import BaseSettings\nclass S(BaseSettings):\n    a: str\n    b: str\n",
    "app/work.py": "import os\nx = os.getenv('X', '1')\nos.environ['Y'] = x\n",
}


def test_each_touch_has_its_variable_and_its_default() -> None:
    found = [(each.touch, each.variable, each.default) for each in accesses(analysed(APP))]
    assert found == [(Touch.READ, "X", ("string", "1")), (Touch.WRITE, "Y", None)]


def test_fields_of_a_settings_class_count_as_settings_that_are_held() -> None:
    analysis = analysed(APP)
    own = owners(analysis, accesses(analysis))
    assert own.named == "app.settings" and not own.configured
    assert [access.variable for access, _ in outside(analysis, Touch.READ)] == ["X"]


def test_who_holds_less_than_half_is_no_owner() -> None:
    scattered = APP | {"app/more.py": "import os\n" + "".join(f"v{n} = os.getenv('V{n}')\n" for n in range(9))}
    analysis = analysed(scattered)
    assert not owners(analysis, accesses(analysis))
    assert list(outside(analysis, Touch.READ)) == []


def test_scripts_and_tests_are_edges() -> None:
    modules = analysed(
        {"app/work.py": "", "scripts/x.py": "", "tests/y.py": "", "manage.py": "", "cli.py": "@app.command()\ndef run(): ..."}
    ).modules
    assert {module.path for module in modules if is_edge(module)} == {"scripts/x.py", "tests/y.py", "manage.py", "cli.py"}


def test_tools_beside_a_package_are_scripts_and_tools_inside_one_are_not() -> None:
    modules = analysed(
        {"tools/release.py": "", "app/__init__.py": "", "app/agents/__init__.py": "", "app/agents/tools/shell.py": ""}
    ).modules
    assert {module.path for module in modules if is_edge(module)} == {"tools/release.py"}


def test_a_file_of_tasks_or_of_setting_up_is_a_script_beside_the_packages_only() -> None:
    files = {"tasks.py": "", "setup.py": "", "app/__init__.py": "", "app/tasks.py": "", "app/setup.py": ""}
    assert {module.path for module in analysed(files).modules if is_edge(module)} == {"tasks.py", "setup.py"}


def test_a_name_that_is_looked_for_and_the_first_of_several_that_are_written_are_known() -> None:
    text = """
    import os
    there = "A" in os.environ
    if not ("B" not in os.environ or there):
        os.environ.update({"C": "1", "D": "2"})
    os.environ.update(E="1")
    os.environ.update(others)
    """
    assert [each.variable for each in accesses(analysed(text))] == ["A", "B", "C", "E", ""]


def test_what_one_module_names_is_known_in_another() -> None:
    files = {
        "a.py": "import os\nget = os.environ.get\n",
        "b.py": "from a import get as read\nx = read('X')\ny = other.get('Y')\n",
    }
    assert [(each.module.name, each.variable) for each in accesses(analysed(files))] == [("b", "X")]


def test_a_helper_inside_a_function_asks_for_the_one_name_that_it_is_given_there() -> None:
    text = """
    import os
    def size():
        def read(name, default="1"):
            return os.environ.get(name, default)
        return read("SIZE")
    def both():
        def read(name):
            return os.getenv(name)
        return read("A") + read("B")
    def any_of(name):
        return os.getenv(name)
    """
    assert [each.variable for each in accesses(analysed(text))] == ["SIZE", "", ""]


def test_an_attribute_that_is_asked_for_by_its_name_is_that_attribute() -> None:
    found = accesses(analysed("import os\nx = getattr(os, 'environ').get('X', '1')\n"))
    assert [(each.touch, each.variable, each.default) for each in found] == [(Touch.READ, "X", ("string", "1"))]


def test_a_machine_fact_that_is_written_for_everybody_is_a_setting() -> None:
    files = APP | {"app/work.py": "import os\nos.environ['TZ'] = 'UTC'\nos.environ['PATH'] = ''\nx = os.environ['TZ']\n"}
    assert [each.variable for each, _ in outside(analysed(files), Touch.WRITE, Touch.READ)] == ["TZ"]


def test_only_the_package_that_makes_an_environment_of_its_own_has_one() -> None:
    files = {
        "app/__init__.py": "",
        "app/context.py": "import os\nclass Own: ...\ndef install():\n    os.environ = Own(os.environ)\n",
        "other/__init__.py": "",
        "other/work.py": "import os\nold = os.environ\ndef restore():\n    os.environ = old\n    os.environ = dict(old)\n",
    }
    analysis = analysed(files)
    replaced = Replaced(analysis)
    assert {module.name for module in analysis.modules if replaced.holds(module)} == {"app", "app.context"}


def test_what_serves_is_told_from_scripts_and_tests_and_what_is_written_from_what_is_read() -> None:
    text = "import os\nx = os.getenv('A')\nos.environ['B'] = x\n"
    analysis = analysed({"app/__init__.py": "", "app/work.py": text, "tests/test_work.py": text.replace("'B'", "'C'")})
    assert [(each.module.name, each.variable) for each in serving_reads(analysis)] == [("app.work", "A")]
    assert written_variables(analysis) == {"B", "C"}


def test_a_module_that_serves_beside_its_commands_is_no_edge() -> None:
    command = "@cli.command()\ndef run(): "
    modules = analysed(
        {
            "app/__init__.py": "",
            "app/routes.py": f"@app.route('/')\ndef index(): ...\n{command}...",
            "app/relay.py": f"class Relay:\n    async def handle(self, client): ...\n{command}serve(Relay().handle, 'x')",
            "app/start.py": f"{command}serve(app, 'x')",
        }
    ).modules
    assert [module.path for module in modules if is_edge(module)] == ["app/start.py"]


def test_a_mapping_that_is_patched_is_written_under_its_first_name() -> None:
    head = "from unittest import mock\nimport os\ndef f(key):\n    "
    ways = {
        "mock.patch.dict(os.environ, KEY=key)": "KEY",
        "mock.patch.dict('os.environ', KEY=key, clear=True)": "KEY",
        "mock.patch.dict('os.environ', {'KEY': key})": "KEY",
        "mock.patch.dict('os.environ', values={'KEY': key})": "KEY",
        "mock.patch.dict('os.environ', key)": "",
    }
    for way, variable in ways.items():
        assert [(each.touch, each.variable) for each in accesses(analysed(head + way))] == [(Touch.WRITE, variable)]
    assert accesses(analysed(f"{head}mock.patch.dict('app.cache', KEY=key)")) == []
