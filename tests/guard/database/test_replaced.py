"""`netra.guard.database.replaced`: a session in the place of the last one, which nobody closes."""

import pytest

from netra.guard.database.replaced import replaced
from tests.guard.programs import analysed

TEXT = """
from sqlalchemy.orm import sessionmaker

class Engine:
    def __init__(self, engine):
        self.factory = sessionmaker(bind=engine)

    def {method}:
        {body}

    def other(self, pool):
        {other}
"""


@pytest.mark.parametrize(
    ("method", "body", "other", "expected"),
    [
        ("work(self)", "self.session = self.factory()", "pass", ["session"]),
        ("setup(self)", "self.session = self.factory()", "pass", []),
        ("work(self)", "session = self.factory()", "pass", []),
        ("work(self)", "self.session = self.factory()", "self.session.close()", []),
        ("work(self)", "self.session = self.factory()", "pool.give_back(self.session)", []),
        ("work(self)", "self.session = self.factory()", "return self.session", []),
        ("work(self, first)", "if first: self.session = self.factory()", "pass", []),
    ],
)
def test_who_opens_one_each_time_leaves_the_last_one_open(method: str, body: str, other: str, expected: list[str]) -> None:
    found = replaced(analysed(TEXT.format(method=method, body=body, other=other)))
    assert [name for _, name in found] == expected
