"""Variables that a shell puts into the text that it runs."""

import pytest

from netra.guard.asked_by_shells import shell_reads
from tests.guard.programs import analysed


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("os.system('ls $APP_A ${APP_B}')", ["APP_A", "APP_B"]),
        ("os.system('ls $APP_A $APP_A')", ["APP_A"]),
        ("subprocess.run('ls \"$APP_A\"', shell=True)", ["APP_A"]),
        ("subprocess.run(f'ls {place} $APP_A', shell=True)", ["APP_A"]),
        ("subprocess.run(['bash', '-c', 'ls $APP_A'])", ["APP_A"]),
        ("os.system('echo \"it\\'s $APP_A\"')", ["APP_A"]),
        ("os.system(\"echo '$APP_A'\")", []),
        ("os.system('echo \\\\$APP_A')", []),
        ("os.system('APP_A=1; echo $APP_A')", []),
        ("os.system('for APP_A in *; do echo $APP_A; done')", []),
        ("os.system('read -r APP_A; echo $APP_A')", []),
        ("os.system('echo $name $1 $?')", []),
        ("subprocess.run('ls $APP_A', shell=True, env={})", []),
        ("subprocess.run(['ls', '$APP_A'])", []),
        ("subprocess.run(['ssh', host, 'ls $APP_A'])", []),
    ],
)
def test_what_stands_in_the_text_is_asked_of_the_environment(call: str, expected: list[str]) -> None:
    found = shell_reads(analysed(f"import os, subprocess\ndef f(place, host):\n    {call}\n"))
    assert [each.variable for each in found] == expected
