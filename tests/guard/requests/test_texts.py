"""`netra.guard.requests.texts`: addresses, as far as they are written down."""

import pytest

from netra.guard.requests.texts import Texts, filled
from tests.guard.programs import analysed, function

CLIENT = """
from urllib.parse import urljoin
ROOT = "/v1"
class Above:
    version = "/v2"
class Client(Above):
    def __init__(self, base):
        self.base = base
        self.users = f"{base}/users"
        self.twice = "a"
        self.twice = "b"
    def address(self, path, root=ROOT):
        return f"{self.base}{root}{path}"
    def work(self, one, path):
        local = "/local"
        return EXPRESSION
"""


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('ROOT + "/a"', "/v1/a"),
        ('f"{self.version}/a/{one}"', "/v2/a/{}"),
        ('self.users + "/" + one', "{}/users/{}"),
        ("self.twice", None),
        ("self.nothing", None),
        ('self.address("/a")', "{}/v1/a"),
        ('self.address(root="/v3", path=one)', "{}/v3{}"),
        ('urljoin(self.base, "a")', "{}/a"),
        ('"/a/{id}".format(id=one)', "/a/{id}"),
        ('(local + "/").rstrip("/")', "/local/"),
        ('path if path.startswith("http") else "/v1" + path', "/v1{}"),
        ('"/a" if one else "/b"', None),
        ("str(path)", "{}"),
        ("3", None),
    ],
)
def test_a_text_is_followed_to_where_it_is_written(expression: str, expected: str | None) -> None:
    analysis = analysed(CLIENT.replace("EXPRESSION", expression))
    scope = function(analysis.program, "example.Client.work")
    found = Texts(analysis).of(scope.facts.returned[0].value, scope)
    assert (None if found is None else filled(found)) == expected
