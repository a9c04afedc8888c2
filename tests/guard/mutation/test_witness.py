"""What the witness knows, and that it says nothing where nothing is written down."""

import ast

from tests.guard.mutation.target import Target
from tests.guard.mutation.witness import Witness


def known(text: str, **others: str) -> list[str]:
    """The calls of `here` that are known to give a coroutine, as they are written."""
    targets = [Target(f"{name}.py", name, each) for name, each in others.items()]
    here = Target("here.py", "here", text)
    witness = Witness([here, *targets])
    return sorted(ast.unparse(call) for call in here.calls if witness.gives_coroutine(call, here))


def test_a_function_of_the_file_is_known() -> None:
    assert known("async def f(): ...\ndef g(): ...\nf()\ng()") == ["f()"]


def test_a_function_is_known_through_re_exports() -> None:
    assert known("from a import f\nf()", a="from b import f", b="async def f(): ...") == ["f()"]


def test_a_method_is_known_on_self_through_bases() -> None:
    assert known(
        "from a import Up\nclass C(Up):\n    def g(self):\n        self.f()", a="class Up:\n    async def f(self): ..."
    ) == ["self.f()"]


def test_a_receiver_is_known_by_annotation_constructor_and_attribute() -> None:
    text = """
class C:
    async def f(self): ...
top = C()
def annotated(x: "C | None"): x.f()
def made():
    y = C()
    y.f()
class Owner:
    def __init__(self, given: C): self.kept = given
    def use(self): self.kept.f()
def at_top(): top.f()
"""
    assert known(text) == ["self.kept.f()", "top.f()", "x.f()", "y.f()"]


def test_a_session_and_asyncio_are_known_by_import() -> None:
    text = """
import asyncio
from sqlalchemy.ext.asyncio import AsyncSession
async def f(db: AsyncSession):
    db.commit()
    db.add(1)
    asyncio.sleep(1)
"""
    assert known(text) == ["asyncio.sleep(1)", "db.commit()"]


def test_what_is_decorated_set_twice_or_not_written_down_is_not_known() -> None:
    text = """
@wrapped
async def f(): ...
class C:
    async def m(self): ...
def g(x, y):
    f()
    x.m()
    z = C()
    z = y
    z.m()
"""
    assert known(text) == []


def test_modules_named_for_settings_own_the_environment_where_most_of_it_is_read_there() -> None:
    texts = {
        "shop.config": "import os\nA = os.environ['A']\nB = os.environ['B']\n",
        "shop.env": "",
        "shop.use": "os.getenv('C')\n",
    }
    assert Witness(Target(f"{name}.py", name, text) for name, text in texts.items()).owners == ("shop.config",)
    texts["shop.use"] *= 3
    assert Witness(Target(f"{name}.py", name, text) for name, text in texts.items()).owners == ()


def test_an_async_generator_gives_no_coroutine() -> None:
    assert known("async def f():\n    yield 1\nf()") == []
