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
"""
REQUEST = ("name", "request")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (("attribute", ("attribute", ("attribute", REQUEST, "app"), "state"), "pool"), "Pool"),
        (("attribute", ("attribute", ("name", "app"), "ctx"), "pool"), "Pool"),
        (("subscript", ("attribute", REQUEST, "app"), ("string", "queue")), "Queue"),
        (("subscript", ("attribute", REQUEST, "app"), ("string", "other")), None),
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
