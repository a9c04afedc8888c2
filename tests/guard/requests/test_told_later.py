"""What an object is told after it was made."""

import pytest

from netra.guard.requests.told_later import told_later
from tests.guard.programs import analysed, function

TEXT = """
class Mailer:
    def __init__(self): self.socket = None
    def bind(self, socket, tries=1): self.socket = socket
    def count(self, text): return len(text)
def serve(socket, text):
    mailer = Mailer()
    {line}
"""


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("mailer.bind(socket)", [("name", "socket")]),
        ("mailer.bind(tries=2, socket=socket)", [("name", "socket")]),
        ("mailer.socket = socket", [("name", "socket")]),
        ("mailer.count(text)", []),
        ("mailer = mailer.bind(socket)", []),
    ],
)
def test_what_a_method_keeps_of_what_it_is_given_is_kept_by_its_object(line: str, told: list[object]) -> None:
    analysis = analysed(TEXT.format(line=line))
    scope = function(analysis.program, "example.serve")
    assert [given for given, _ in told_later("mailer", scope, analysis)] == told
