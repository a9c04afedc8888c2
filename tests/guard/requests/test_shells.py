"""A text that a shell runs is found by what runs it, and one that no shell sees is not."""

import pytest

from netra.guard.requests.shells import joined, shell_texts
from tests.guard.programs import analysed, function

HEAD = "import asyncio, os, subprocess\nimport anyio\n"


def _texts(body: str) -> list[object]:
    return [each.text for each in shell_texts(analysed(f"{HEAD}{body}"))]


@pytest.mark.parametrize(
    "call",
    [
        "subprocess.run('x', shell=True)",
        "subprocess.Popen(args='x', shell=True)",
        "asyncio.to_thread(subprocess.run, 'x', shell=True)",
        "os.system('x')",
        "os.popen('x')",
        "subprocess.getoutput('x')",
        "asyncio.create_subprocess_shell('x')",
        "loop.subprocess_shell(factory, 'x')",
        "subprocess.run(['sh', '-c', 'x'])",
        "subprocess.run(['timeout', '5', '/bin/bash', '-lc', 'x'])",
        "asyncio.create_subprocess_exec('sh', '-c', 'x')",
        "os.execv('/bin/sh', ['sh', '-c', 'x'])",
    ],
)
def test_a_shell_runs_it(call: str) -> None:
    assert _texts(f"def f(): {call}\n") == [("string", "x")]


@pytest.mark.parametrize(
    "call",
    [
        "subprocess.run(['ls', 'x'])",
        "subprocess.run('x')",
        "subprocess.run('x', shell=False)",
        "subprocess.run(['ls', 'x'], shell=True)",
        "subprocess.run(['docker', 'exec', 'box', 'sh', '-c', 'x'])",
        "machine.run('x', shell=True)",
        "connection.run('x')",
    ],
)
def test_no_shell_runs_it(call: str) -> None:
    assert not _texts(f"def f(): {call}\n")


def test_the_callers_of_a_function_that_has_its_argument_run_are_followed() -> None:
    body = "def run(text): os.system(text)\ndef outer(): run('a')\n"
    body += "def pipe(*parts): os.system(' | '.join(parts))\npipe('b', 'c')\n"
    assert [each for each in _texts(body) if isinstance(each, tuple) and each[0] == "string"] == [
        ("string", "a"),
        ("string", "b"),
        ("string", "c"),
    ]


def test_what_is_joined_is_known_by_its_name() -> None:
    program = analysed("def f(parts):\n    line = ' '.join(parts)\n    return line\n").program
    scope = function(program, "example.f")
    assert joined(("name", "line"), scope) == "parts"
    assert joined(("name", "parts"), scope) is None
