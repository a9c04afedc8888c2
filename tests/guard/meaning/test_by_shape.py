from netra.guard.meaning.by_shape import by_shape
from tests.guard.programs import function, program


def shape(body: str, more: str = "") -> str:
    text = f"from redis.asyncio import Redis\n\n\nasync def work(store):\n    {body}\n\n\n{more}"
    found = program({"example.py": text})
    value = by_shape(function(found, "example.work"), "store", found)
    return value.kind.full_name if value else ""


def test_methods_that_one_class_alone_has_tell_it() -> None:
    assert shape('await store.ttl("a"), store.scan_iter("b")') == "redis.asyncio.Redis"


def test_one_method_and_methods_that_nobody_awaits_say_too_little() -> None:
    assert shape('await store.ttl("a")') == ""
    assert shape('store.ttl("a"), store.scan_iter("b")') == ""


def test_a_class_of_the_program_may_be_meant() -> None:
    own = "class Store:\n    def scan_iter(self, what): ...\n"
    assert shape('await store.ttl("a"), store.scan_iter("b")', own) == ""
