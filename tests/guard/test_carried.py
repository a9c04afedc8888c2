"""What is asked of the environment by the name of a parameter or of a copy."""

import pytest

from netra.guard.carried import carried_reads
from netra.guard.environment import Touch
from tests.guard.programs import analysed


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("def f(env=os.environ): return env['A']", ["A"]),
        ("def f(env): return env.get('A')\nf(os.environ)", ["A"]),
        ("def f(env): return g(env)\ndef g(values): return values['A']\nf(os.environ)", ["A"]),
        ("class C:\n    def __init__(self, env): self.a = env['A']\nC(os.environ)", ["A"]),
        ("class C:\n    @classmethod\n    def of(cls, env): return cls(env['A'])\nC.of(env=os.environ)", ["A"]),
        ("def f(env=None):\n    env = os.environ if env is None else env\n    return env['A']", ["A"]),
        ("def f():\n    env = dict(os.environ)\n    return env.get('A')", ["A"]),
        ("def f():\n    env = {**os.environ, 'B': '1'}\n    return env['A']", ["A"]),
        ("def f(env): return env['A']\nf({'A': '1'})", []),
        ("def f(env=os.environ): return dict(env)", []),
        ("def f(ask=os.environ.get): return ask('A')", ["A"]),
        ("def f(ask=os.getenv): return ask('A', 'x')", ["A"]),
        ("class C:\n    def __init__(self, ask): self.a = ask('A')\nC(ask=os.environ.get)", ["A"]),
        ("def f(ask): return g(ask)\ndef g(one): return one('A')\nf(os.getenv)", ["A"]),
        ("def f(ask=os.getenv):\n    ask = {}.get\n    return ask('A')", []),
        ("def f(ask): return ask('A')\nf({}.get)", []),
    ],
)
def test_a_parameter_or_a_copy_is_asked(body: str, expected: list[str]) -> None:
    found = carried_reads(analysed(f"import os\n{body}\n"))
    assert {each.touch for each in found} <= {Touch.READ}
    assert [each.variable for each in found] == expected
