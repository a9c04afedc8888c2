from collections.abc import Callable

from netra.guard.analysis import Analysis
from netra.guard.requests.meeting import is_carried_on, is_for_one_call, is_read_for, is_set_for_what_follows, meets_another
from netra.guard.requests.sharing import Sharing, Touched, Write
from tests.guard.programs import analysed, function

TEXT = """
from fastapi import Depends, FastAPI
app = FastAPI()
def get_current_user(): ...
class Kept:
    def for_locale(self, locale):
        self.locale = locale
        return self
    def alert(self, text): ...
kept = Kept()
@app.post("/a")
async def a(question, locale):
    kept.found = question
    reply = await ask(question, after=kept.reply)
    kept.reply = reply.id
    kept.for_locale(locale).alert("x")
@app.post("/admin/b")
async def b(total):
    kept.total = total
@app.get("/c")
async def c(user=Depends(get_current_user)):
    show(user.id)
    return kept.found, kept.total
def more(user_id): ...
"""


def names(question: Callable[[Analysis, Write], bool]) -> set[str]:
    analysis = analysed(TEXT)
    return {each.slot.name for each in analysis.once(Sharing).writes if question(analysis, each)}


def test_what_is_read_where_a_user_is_known_meets_another_unless_it_is_set_for_all() -> None:
    assert names(lambda analysis, write: meets_another(write, analysis)) == {"found"}


def test_what_is_kept_for_the_call_behind_it_stays_for_all_others() -> None:
    assert names(is_for_one_call) == {"locale"}


def test_what_was_made_with_what_another_has_left_is_carried_on() -> None:
    assert names(lambda analysis, write: is_carried_on(write, analysis.once(Sharing))) == {"reply"}


def test_a_function_that_is_told_for_whom_it_works_reads_it_for_them() -> None:
    analysis = analysed(TEXT)
    write = analysis.once(Sharing).writes[0]
    more, other = (function(analysis.program, f"example.{name}") for name in ("more", "b"))
    assert is_read_for(write, Touched(more, "reads it", 1))
    assert not is_read_for(write, Touched(other, "reads it", 1))


FOLLOWED = """
from fastapi import FastAPI
app = FastAPI()
_theme = "light"
def theme():
    return _theme
def configure(name):
    global _theme
    _theme = name
def draw(rows):
    return theme(), rows
@app.get("/{at}")
async def show(name, rows):
    {set}
    {lines}
"""


def _followed(*lines: str, at: str = "chart", setting: str = "configure(name)") -> bool:
    analysis = analysed(FOLLOWED.format(at=at, set=setting, lines="\n    ".join(lines)))
    (write,) = analysis.once(Sharing).writes
    return is_set_for_what_follows(analysis, write)


def test_what_is_set_for_what_runs_after_a_wait_is_known() -> None:
    assert _followed("rows = await load(rows)", "return draw(rows)")
    assert _followed("rows = await load(rows)", "return theme()")
    assert not _followed("return draw(rows)")
    assert not _followed("return await load(rows)")
    assert not _followed("rows = await load(rows)", "return draw(rows)", at="settings")
    assert not _followed("rows = await load(rows)", "return draw(rows)", setting="if not _theme: configure(name)")
