from netra.prove.targets import ReceivedEvent


def event(text: str) -> ReceivedEvent:
    return ReceivedEvent("t", 1, 1, "x", "r", text)


def test_the_same_content_has_the_same_digest_however_it_is_written() -> None:
    assert event('{"a": 1, "b": 2}').digest == event('{"b":2,"a":1}').digest
    assert event('{"a": 1}').digest != event('{"a": 2}').digest
    assert event("no json").digest == event("no json").digest
