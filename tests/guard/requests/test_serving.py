from netra.guard.requests.serving import Serving
from tests.guard.programs import analysed, function

TEXT = """
import asyncio
from fastapi import Depends, FastAPI
app = FastAPI()
class Store:
    def __init__(self): opened()
    def load(self): ...
class Files(Store):
    def load(self): ...
def opened(): ...
def signed_in(): ...
def counted(): ...
def alone(): ...
@app.get("/a")
async def a(store: Store, user=Depends(signed_in)):
    Store()
    await asyncio.to_thread(counted)
    return store.load()
"""


def test_calls_constructors_dependencies_overrides_and_threads_are_followed_and_nothing_else() -> None:
    analysis = analysed(TEXT)
    serving = Serving(analysis)
    served = {each.facts.qualified for each in analysis.scopes if each in serving}
    assert served == {"a", "Store.__init__", "opened", "Store.load", "Files.load", "signed_in", "counted"}


def test_the_way_begins_at_the_entry_point_and_ends_at_the_function() -> None:
    analysis = analysed(TEXT)
    way = Serving(analysis).way(function(analysis.program, "example.opened"))
    assert [step.note for step in way] == [
        "GET /a is answered by `a`",
        "which leads to `Store.__init__`",
        "which leads to `opened`",
    ]


def test_no_way_leads_to_what_nobody_serves() -> None:
    analysis = analysed(TEXT)
    assert Serving(analysis).way(function(analysis.program, "example.alone")) == ()


def test_a_nested_function_is_followed_unless_a_decorator_takes_it_elsewhere() -> None:
    text = """
from fastapi import FastAPI
app = FastAPI()
@app.get("/a")
async def a():
    def nested(): ...
    @cluster.function(memory=1)
    def remote(): ...
    return nested
"""
    analysis = analysed(text)
    assert function(analysis.program, "example.a.nested") in Serving(analysis)
    assert function(analysis.program, "example.a.remote") not in Serving(analysis)


def test_a_base_with_many_classes_below_says_nothing_of_any_one_of_them() -> None:
    below = "\n".join(f"class Tool{number}(Tool):\n    def run(self): ..." for number in range(13))
    text = f"""
from fastapi import FastAPI
app = FastAPI()
class Tool:
    def run(self): ...
{below}
@app.get("/a")
async def a(tool: Tool):
    return tool.run()
"""
    analysis = analysed(text)
    assert function(analysis.program, "example.Tool.run") in Serving(analysis)
    assert function(analysis.program, "example.Tool0.run") not in Serving(analysis)


def test_what_a_decorator_makes_runs_in_place_of_the_function_and_a_name_may_stand_for_what_was_made() -> None:
    text = """
from functools import wraps
from fastapi import FastAPI
app = FastAPI()
def bare(function):
    def around(): return function()
    return around
def told(size):
    def wrap(function):
        def about(): return function()
        return about
    return wrap
def greeter() -> Callable:
    def greet(): ...
    return greet
def unused(function):
    def never(): ...
    return never
@bare
def first(): ...
@told(1)
def second(): ...
@unused
def third(): ...
greet = greeter()
@app.get("/a")
async def a(): return first(), second(), greet()
"""
    analysis = analysed(text)
    serving = Serving(analysis)
    served = {each.facts.qualified for each in analysis.scopes if each in serving}
    assert {"bare.around", "told.wrap.about", "greeter.greet"} <= served
    assert "unused.never" not in served
    assert [each.name for each in serving.wrappers(function(analysis.program, "example.second"))] == ["about"]
    made = serving.made(("name", "greet"), function(analysis.program, "example.a"))
    assert made is not None and made.facts.qualified == "greeter.greet"


def test_what_an_async_entry_calls_runs_in_the_loop_unless_a_thread_does() -> None:
    text = """
import asyncio
from fastapi import FastAPI
app = FastAPI()
def below(): ...
def above(): below()
def in_thread(): ...
def sync_below(): ...
@app.get("/a")
async def a():
    above()
    await asyncio.to_thread(in_thread)
@app.get("/b")
def b(): sync_below()
"""
    analysis = analysed(text)
    serving = Serving(analysis)
    names = ("a", "above", "below", "in_thread", "b", "sync_below")
    assert [name for name in names if serving.in_the_loop(function(analysis.program, f"example.{name}"))] == [
        "a",
        "above",
        "below",
    ]
