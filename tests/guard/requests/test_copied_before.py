"""A copy that is made of a shared place and put back is found, by whatever copies it; what is put back as it was is not."""

import pytest

from netra.guard.requests.copied_before import copied_before, loaded_where_missing
from netra.guard.requests.sharing import Sharing
from tests.guard.programs import analysed

TEXT = """
from fastapi import FastAPI

app = FastAPI()


class Loop:
    def __init__(self):
        self.memory = {{}}
        self.other = {{}}

    def recall(self, thread):
        return list(self.memory.setdefault(thread, []))

    async def run(self, thread, text):
        {lines}


loop = Loop()


@app.post("/say")
async def say(thread: str, text: str):
    return await loop.run(thread, text)
"""


def _found(*lines: str) -> int | None:
    analysis = analysed(TEXT.format(lines="\n        ".join(lines)))
    first = 16  # the line of the first that is given
    write = max((each for each in analysis.once(Sharing).writes if each.scope.name == "run"), key=lambda each: each.line)
    found = copied_before(analysis, write)
    return None if found is None else found - first


KEPT = "self.memory[thread] = words"


@pytest.mark.parametrize(
    "made",
    [
        "words = [*self.memory.get(thread, []), text]",
        "words = self.memory[thread] + [text]",
        "words = [*self.recall(thread), text]",
        "words = list(self.memory[thread]); words.append(text)",
        "words = self.memory.get(thread, []).copy(); words.append(text)",
        "words = {**self.memory[thread], 'last': text}",
    ],
)
def test_a_copy_is_put_back(made: str) -> None:
    assert _found(made, KEPT) == 0


def test_what_is_made_of_a_copy_is_followed() -> None:
    found = _found("old = self.recall(thread)", "words = [*old, text]", "words = words[-20:]", KEPT)
    assert found == 0


@pytest.mark.parametrize(
    "made",
    [
        pytest.param("words = list(self.memory[thread])", id="as it was"),
        pytest.param("words = [*self.other.get(thread, []), text]", id="of another place"),
        pytest.param("words = [*self.memory.get(text, []), text]", id="of another key"),
        pytest.param("words = [*self.recall(text), text]", id="of another key, by a method"),
        pytest.param("words = self.memory.get(thread, []); words.append(text)", id="the list itself"),
    ],
)
def test_nothing_is_lost(made: str) -> None:
    assert _found(made, KEPT) is None


LOOKED = "words = self.memory.get(thread)"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((LOOKED, "if words is None:", "    words = await load(thread)", "words.append(text)", KEPT), True),
        ((LOOKED, "if not words:", "    words = await load(thread)", f"    {KEPT}", "words.append(text)"), True),
        ((LOOKED, "if words is None:", "    words = await load(thread)", "    words.append(text)", KEPT), False),
        ((LOOKED, "if words is None:", "    words = await load(thread)", KEPT), False),
        (
            ("words = self.other.get(thread)", "if words is None:", "    words = await load(thread)", "words.append(1)", KEPT),
            False,
        ),
        (
            (
                LOOKED,
                "if words is None:",
                "    words = await load(thread)",
                "words.append(text)",
                f"if not self.memory: {KEPT}",
            ),
            False,
        ),
    ],
)
def test_what_is_loaded_where_it_is_missing_and_changed(lines: tuple[str, ...], expected: bool) -> None:
    analysis = analysed(TEXT.format(lines="\n        ".join(lines)))
    write = max((each for each in analysis.once(Sharing).writes if each.scope.name == "run"), key=lambda each: each.line)
    assert (loaded_where_missing(analysis, write) is not None) is expected
