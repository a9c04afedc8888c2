"""Reads whose variable does not stand there are told where a module of settings was at hand, and nowhere else."""

import pytest

from netra.guard.nameless import looked_through, nameless_reads
from tests.guard.programs import analysed

ROUTES = "from fastapi import FastAPI\nfrom app import a, config\napp = FastAPI()\n@app.get('/')\ndef index(): ...\n"
APP = {
    "app/__init__.py": "",
    "app/config.py": "import os\nTITLE = os.getenv('APP_TITLE')\nKEY = os.getenv('APP_KEY')\n",
    "app/routes.py": ROUTES,
}
KNOWING = "import os, subprocess\nfrom app.config import TITLE\n"
PAST = "past `app.config`"


def read(text: str) -> list[str]:
    return [each.message for each in nameless_reads(analysed(APP | {"app/a.py": text}))]


def through(text: str) -> list[str]:
    return [each.message for each in looked_through(analysed(APP | {"app/a.py": text}))]


@pytest.mark.parametrize(
    "text",
    [
        "def ask(name, get=os.environ.get): return get(name)",
        "def ask(name): return os.environ[f'APP_{name}']",
        "ask = lambda name: os.environ[name]",
        "def __getattr__(name): return os.environ[name]",
    ],
)
def test_the_way_to_all_variables_and_a_name_that_is_put_together_pass_the_settings_by(text: str) -> None:
    assert read(f"{KNOWING}{text}\n") == [f"a variable is read from the environment {PAST}"]


def test_who_has_no_settings_at_hand_or_reads_what_a_library_does_passes_nothing_by() -> None:
    assert read("import os\nask = lambda name: os.environ[name]\n") == []
    assert read(f"{KNOWING}def ask(name): return os.environ[f'AWS_{{name}}']\n") == []


def test_a_function_that_is_given_the_name_is_told_by_what_its_callers_ask_for() -> None:
    text = f"{KNOWING}def ask(name): return os.environ[name]\n"
    assert read(text) == []
    assert read(f"{text}LIMIT = ask('APP_LIMIT')\n") == [f"`APP_LIMIT` is read from the environment {PAST}"]
    assert read(f"{text}HOME = ask('HOME')\n") == []


def test_a_user_or_a_model_that_names_the_variable_is_told_wherever_it_is() -> None:
    route = "import os\nfrom fastapi import FastAPI\napp = FastAPI()\n@app.get('/{name}')\ndef show(name: str):\n    return "
    assert read(f"{route}os.environ[name]\n") == ["which variable of the environment is read, a user says"]
    assert read(f"{route}os.environ['TITLE']\n") == []
    tool = (
        "import os\nfrom mcp.server.fastmcp import FastMCP\nmcp = FastMCP('x')\n@mcp.tool()\ndef show(name: str):\n    return "
    )
    assert read(f"{tool}os.environ[name]\n") == ["which variable of the environment is read, a model says"]


def test_what_a_kernel_shows_is_the_environment_too() -> None:
    text = "def ask(): return open('/proc/self/{}').read()\n"
    assert read(KNOWING + text.format("environ")) == [f"the environment is read from the kernel {PAST}"]
    assert read(KNOWING + text.format("status")) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def ask(): return {k: v for k, v in os.environ.items()}", True),
        ("def ask(): return dict(os.environ)['APP_LIMIT']", True),
        ("def ask(given=os.environ): return given", True),
        ("def ask(): return os.environ | {'A': '1'}", True),
        ("def ask(): return os.environ.keys()", False),
        ("def ask(): return len(os.environ)", False),
        ("def ask(): return dict(os.environ)", False),
        ("def ask(): return subprocess.run(['ls'], env=os.environ | {'A': '1'})", False),
        ("def ask(): return {k: v for k, v in os.environ.items() if k in KEPT}", False),
        ("def ask(): return {k: v for k, v in os.environ.items() if v}", True),
        ("def ask(span): span.inject(os.environ)", False),
        ("def ask(span): return span.inject(os.environ)", True),
        ("def ask(span): os.environ.update(span.cleaned(base=os.environ))", False),
    ],
)
def test_all_variables_are_looked_through_but_for_their_names_and_for_a_child(text: str, expected: bool) -> None:
    assert through(f"{KNOWING}{text}\n") == ([f"all of the environment is looked through {PAST}"] if expected else [])
