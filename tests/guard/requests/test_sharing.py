from netra.guard.facts import Expression
from netra.guard.requests.sharing import Sharing
from tests.guard.programs import analysed, function

TEXT = """
from functools import lru_cache
module_wide = {}
class Kept: ...
class Cached: ...
class Fresh:
    everywhere = []
    def __init__(self): self.mine = []
kept = Kept()
@lru_cache
def cached(): return Cached()
def work(user, request):
    local = {}
    fresh = Fresh()
    made = build(user)
    other = settings.user_id
    return locals()
"""


def test_a_slot_outlives_the_request_and_a_local_name_does_not() -> None:
    analysis = analysed(TEXT)
    scope = function(analysis.program, "example.work")
    sharing = Sharing(analysis)

    def shared(expression: Expression) -> bool:
        return sharing.slot(expression, scope) is not None

    assert shared(("name", "module_wide")) and not shared(("name", "local"))
    assert shared(("attribute", ("name", "fresh"), "everywhere")) and not shared(("attribute", ("name", "fresh"), "mine"))
    assert shared(("attribute", ("name", "kept"), "anything"))
    assert shared(("attribute", ("attribute", ("name", "app"), "state"), "x"))
    on_application: Expression = ("attribute", ("attribute", ("name", "app"), "state"), "x")
    assert (found := sharing.slot(("attribute", on_application, "y"), scope)) is not None and found.key == ("app.state", "x.y")
    assert not shared(("attribute", ("attribute", ("attribute", ("name", "request"), "state"), "x"), "y"))
    of_class = sharing.slot(("attribute", ("attribute", ("name", "fresh"), "__class__"), "everywhere"), scope)
    assert of_class is not None and of_class.key == ("example.Fresh", "everywhere")


def test_what_enters_and_leaves_a_shared_container_is_known_with_its_place() -> None:
    text = """
from fastapi import FastAPI
app = FastAPI()
open_ones = {}
ended = set()
history = []
@app.post("/a")
async def a(name: str):
    open_ones[name] = 1
    ended.discard(name)
    history.append(name)
    del open_ones[name]
def nobody(name):
    open_ones[name] = 2
"""
    changes = Sharing(analysed(text)).changes
    found = {name: [(each.what, each.line) for each in of_one] for (_, name), of_one in changes.items()}
    assert found == {"open_ones": [("adds to it", 9), ("takes from it", 12)], "ended": [("takes from it", 10)]}


def test_a_dictionary_keeps_what_it_is_given_until_somebody_takes_it_out() -> None:
    text = """
from fastapi import FastAPI
from cachetools import TTLCache
app = FastAPI()
kept, limited = {}, None
limited = TTLCache(1, 1)
popped = {}
@app.post("/a")
async def a(name: str):
    kept[name] = limited[name] = popped[name] = 1
    popped.pop(name)
"""
    sharing = Sharing(analysed(text))
    slots = {write.slot.name: write.slot for write in sharing.writes}
    assert sharing.is_plain(slots["kept"]) and not sharing.is_plain(slots["limited"])
    assert sharing.is_emptied(slots["popped"]) and not sharing.is_emptied(slots["kept"])


def test_a_reading_by_another_function_is_found_and_the_writer_itself_is_none() -> None:
    text = """
from fastapi import FastAPI
app = FastAPI()
class Kept:
    def write(self, value):
        self.read_again = value
        self.alone = value
        return self.alone
    def read(self):
        return self.read_again
kept = Kept()
@app.post("/a")
async def a(value: str):
    kept.write(value)
    return kept.read()
"""
    sharing = Sharing(analysed(text))
    read = {write.slot.name: sharing.read(write) for write in sharing.writes}
    assert read["alone"] is None
    found = read["read_again"]
    assert found is not None and found.line == 10


GIVEN = """
from fastapi import FastAPI
app = FastAPI()
_plans = {}
class Planner: ...
_planner = Planner()
def plans(): return _plans
def planner(): return _planner
def counted():
    counts = {}
    def count(name): counts[name] = 1
    return count
count = counted()
def passing():
    local = {}
    def keep(name): local[name] = 1
    return keep
@app.post("/a")
async def a(name: str):
    found = plans()
    own = planner()
    found.update({"a": name})
    if name: own.tools = name
    passing()(name)
    return found, own.tools
"""


def test_a_getter_and_a_local_name_denote_the_place_that_they_give() -> None:
    analysis = analysed(GIVEN)
    scope = function(analysis.program, "example.a")
    sharing = Sharing(analysis)
    by_name, attribute = sharing.slot(("name", "found"), scope), sharing.slot(("attribute", ("name", "own"), "tools"), scope)
    assert by_name is not None and by_name.key == ("example", "_plans")
    assert attribute is not None and attribute.key == ("example.Planner", "tools")


def test_what_a_function_closes_over_is_shared_when_it_is_kept_at_the_top_of_a_module() -> None:
    analysis = analysed(GIVEN)
    sharing = Sharing(analysis)
    kept = function(analysis.program, "example.counted.count")
    passed = function(analysis.program, "example.passing.keep")
    assert sharing.slot(("name", "counts"), kept) is not None
    assert sharing.slot(("name", "local"), passed) is None


def test_a_read_below_the_write_counts_where_the_write_may_be_passed_by() -> None:
    sharing = Sharing(analysed(GIVEN))
    reads = {write.slot.name: sharing.read(write) for write in sharing.writes if write.scope.name == "a"}
    assert reads["tools"] is not None and reads["tools"].line == 25
