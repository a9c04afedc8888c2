import pytest

from netra.guard.requests.sharing import Sharing
from netra.guard.requests.single_places import is_gathered, is_made_of_itself, is_one_place, is_property, written_there
from tests.guard.programs import analysed

TEXT = """
from fastapi import FastAPI
app = FastAPI()
class Kept:
    def keep(self, value): self.value = value
    def configure(self, value): self.level = value
    def tag(self, **tags): self.tags.update(tags)
    @property
    def name(self): ...
kept = Kept()
state = {}
others = {}
@app.post("/a")
async def a(value, key):
    kept.keep(value)
    kept.name = value
    kept.open = {**kept.open, key: value}
    kept.plain = value
    state["last"] = value
    others[key] = value
    kept.tag(x=value)
"""


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("property", {"name"}),
        ("itself", {"open"}),
        ("gathered", {"tags"}),
        ("one place", {"state"}),
    ],
)
def test_what_is_said_of_a_write(question: str, expected: set[str]) -> None:
    analysis = analysed(TEXT)
    sharing = analysis.once(Sharing)
    asked = {
        "property": lambda each: is_property(analysis, each),
        "itself": lambda each: is_made_of_itself(each, sharing),
        "gathered": is_gathered,
        "one place": is_one_place,
    }[question]
    found = {each.slot.name for each in sharing.writes if asked(each)}
    assert found == expected


def test_every_write_has_a_place_where_it_is_shown() -> None:
    found = [(write.slot.name, place[0].name, place[1]) for write, place in written_there(analysed(TEXT))]
    assert ("value", "keep", 5) in found and ("plain", "a", 18) in found
