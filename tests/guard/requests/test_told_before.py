"""`netra.guard.requests.told_before`: for whom the next call is, told to an object that everybody uses."""

import pytest

from netra.guard.requests.told_before import told_before
from tests.guard.programs import analysed

TEXT = """
import asyncio

class Tool:
    def {telling}:
        self.whose = {kept}

    async def execute(self):
        return {read}

class Loop:
    async def answer(self, message):
        {tool}.set_whose(message.user_id)

    async def run(self):
        {loop}:
            {start}
"""
GIVEN = {
    "telling": "set_whose(self, user_id)",
    "kept": "user_id",
    "read": "self.whose",
    "tool": "self.tools.get('a')",
    "loop": "while True",
    "start": "asyncio.create_task(self.answer(1))",
}


def found(**other: str) -> list[tuple[str, str]]:
    return [(each.name, each.whose) for each in told_before(analysed(TEXT.format(**GIVEN | other)))]


def test_two_at_once_tell_one_object_whose_the_next_call_is() -> None:
    assert found() == [("whose", "user_id")]


@pytest.mark.parametrize(
    "other",
    [
        {"telling": "set_whose(self, user_id='everybody')"},
        {"telling": "set_whose(self, colour)", "kept": "colour"},
        {"kept": "user_id.lower()"},
        {"read": "1"},
        {"tool": "Tool()"},
        {"loop": "if True"},
        {"start": "await self.answer(1)"},
    ],
)
def test_otherwise_nobody_is_told_for_another(other: dict[str, str]) -> None:
    assert found(**other) == []
