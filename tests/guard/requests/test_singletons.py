from netra.guard.facts import Expression
from netra.guard.requests.singletons import Singletons, has_fields, is_application_state
from tests.guard.programs import analysed, of_class

TEXT = """
from functools import lru_cache
from fastapi import FastAPI
app = FastAPI()
class Kept:
    def __init__(self): self.part = Part()
class Part: ...
class Cached: ...
class Got: ...
class Fresh: ...
class Both: ...
class Above: ...
class Below(Above): ...
class Stated: ...
class Example: ...
kept = Kept()
both = Both()
below = Below()
@lru_cache
def cached(): return Cached()
_got = None
def got():
    global _got
    _got = Got()
    return _got
def start(app):
    app.state.stated = Stated()
@app.get("/a")
async def a():
    Fresh()
    Both()
    got()
if __name__ == "__main__":
    example = Example()
"""


def test_what_is_made_once_for_the_process_is_shared_and_what_a_request_makes_is_not() -> None:
    analysis = analysed(TEXT)
    singletons = Singletons(analysis)
    made = {each.name for module in analysis.modules for each in module.classes if singletons.made(each) is not None}
    assert made == {"Kept", "Part", "Cached", "Got", "Above", "Below", "Stated"}


def test_the_place_where_the_object_is_made_is_shown() -> None:
    analysis = analysed(TEXT)
    step = Singletons(analysis).made(of_class(analysis.program, "example.Kept"))
    assert step is not None
    assert (step.line, step.note) == (16, "one `Kept` is made here for the whole process")


def test_the_state_of_an_application_is_found_through_a_request() -> None:
    of_request: Expression = ("attribute", ("attribute", ("attribute", ("name", "request"), "app"), "state"), "cache")
    assert is_application_state(of_request)
    assert not is_application_state(("attribute", ("attribute", ("name", "request"), "state"), "user"))


def test_middleware_is_made_once_and_what_a_route_makes_is_made_for_whoever_is_served() -> None:
    text = """
from fastapi import FastAPI
app = FastAPI()
class Identity: ...
class Form: ...
app.add_middleware(Identity)
@app.post("/a")
async def a(): return Form()
"""
    analysis = analysed(text)
    singletons = Singletons(analysis)
    identity, form = of_class(analysis.program, "example.Identity"), of_class(analysis.program, "example.Form")
    made, served = singletons.made(identity), singletons.made_while_served(form)
    assert made is not None and made.line == 6
    assert served is not None and served.line == 8
    assert singletons.made(form) is None and singletons.made_while_served(identity) is None


def test_a_class_that_gives_its_first_object_to_everybody_and_a_cached_factory_have_one_for_the_process() -> None:
    text = """
from functools import cache
from fastapi import FastAPI
app = FastAPI()
class Meta(type): ...
class SingletonMeta(type): ...
class Always(metaclass=SingletonMeta): ...
class Never(metaclass=Meta): ...
class First:
    _one = None
    def __new__(cls):
        if cls._one is None: cls._one = super().__new__(cls)
        return cls._one
class Below(First): ...
class Many:
    _all = {}
    def __new__(cls, name):
        if name not in cls._all: cls._all[name] = super().__new__(cls)
        return cls._all[name]
class Graph: ...
class Profile: ...
@cache
def graph(name): return Graph()
@cache
def profile(user_id): return Profile()
@app.post("/a")
async def a(name, user_id): return Always(), Never(), First(), Below(), Many(name), graph(name), profile(user_id)
"""
    analysis = analysed(text)
    singletons = Singletons(analysis)
    made = {each.name for module in analysis.modules for each in module.classes if singletons.made(each) is not None}
    assert made == {"Always", "First", "Below", "Graph"}
    assert singletons.made_while_served(of_class(analysis.program, "example.First")) is None


def test_the_default_of_a_field_is_copied_for_each_object_and_a_value_of_a_class_is_not() -> None:
    text = """
from pydantic import BaseModel
class Extra: ...
class Shared: ...
class Wallet(BaseModel):
    extra: Extra = Extra()
class Bank:
    shared = Shared()
"""
    analysis = analysed(text)
    singletons = Singletons(analysis)
    made = {each.name for module in analysis.modules for each in module.classes if singletons.made(each) is not None}
    assert made == {"Shared"}
    assert has_fields(of_class(analysis.program, "example.Wallet")) and not has_fields(
        of_class(analysis.program, "example.Bank")
    )
