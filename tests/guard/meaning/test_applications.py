import pytest

from netra.guard.meaning.applications import KeptOnApplications
from netra.guard.values import Instance
from tests.guard.programs import analysed

TEXT = """
class Pool: ...
class Queue: ...
def start(app):
    app.state.pool = Pool()
    app["queue"] = Queue()
    app.state.either = Pool()
    app.state.either = unknown()
    app.state.number = 1
    app.extensions["pool"] = Pool()
    app[keys.KEY] = Pool()
"""
REQUEST = ("name", "request")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (("attribute", ("attribute", ("attribute", REQUEST, "app"), "state"), "pool"), "Pool"),
        (("attribute", ("attribute", ("name", "app"), "ctx"), "pool"), "Pool"),
        (("subscript", ("attribute", REQUEST, "app"), ("string", "queue")), "Queue"),
        (("subscript", ("attribute", REQUEST, "app"), ("string", "other")), None),
        (("subscript", ("attribute", REQUEST, "app"), ("name", "KEY")), "Pool"),
        (("subscript", ("name", "app"), ("attribute", ("name", "keys"), "KEY")), "Pool"),
        (("attribute", ("attribute", ("name", "app"), "state"), "either"), None),
        (("attribute", ("attribute", ("name", "app"), "state"), "number"), None),
        (("attribute", ("attribute", ("name", "job"), "state"), "pool"), None),
        (("subscript", ("attribute", ("name", "current_app"), "extensions"), ("string", "pool")), "Pool"),
        (("subscript", ("attribute", ("name", "job"), "extensions"), ("string", "pool")), None),
    ],
)
def test_what_is_put_on_one_application_is_found_on_any(expression: tuple[object, ...], expected: str | None) -> None:
    value = KeptOnApplications(analysed(TEXT).receivers).of(expression)
    assert (value.kind.name if isinstance(value, Instance) else value) == expected


def test_what_tests_put_there_does_not_count() -> None:
    texts = {"app.py": "class Pool: ...\n", "tests/test_app.py": "from app import Pool\ndef f(app): app.state.pool = Pool()\n"}
    place = ("attribute", ("attribute", ("name", "app"), "state"), "pool")
    assert KeptOnApplications(analysed(texts).receivers).of(place) is None


def test_litestar_hands_out_the_state_of_the_application_under_its_name() -> None:
    text = """
        from litestar import get
        from litestar.datastructures import State
        from own import State as Other
        class Pool:
            def take(self): ...
        def start(app): app.state.pool = Pool()
        @get("/")
        async def found(state: State) -> None:
            def inside(): state.pool.take()
        async def own(state: Other): state.pool.take()
        async def another(state): state.pool.take()
        """
    analysis = analysed(text)
    scopes = {each.name: each for each in analysis.scopes}
    taken = ("attribute", ("name", "state"), "pool")
    found = {name: analysis.receivers.value(taken, scopes[name]) for name in ("found", "inside", "own", "another")}
    assert {name: isinstance(each, Instance) for name, each in found.items()} == {
        "found": True,
        "inside": True,
        "own": False,
        "another": False,
    }
