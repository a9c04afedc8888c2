import random

from netra.prove.notifications import DisturbedBus


def message(kind: bytes, content: bytes) -> bytes:
    return kind + (len(content) + 4).to_bytes(4, "big") + content


def told(number: int) -> bytes:
    return message(b"A", b"hint %d" % number)


ROW = message(b"D", b"row A")


def bus(*, disturbing: bool = True, seed: int = 1) -> DisturbedBus:
    made = DisturbedBus(random.Random(seed))
    made.disturbing = disturbing
    return made


def test_without_a_disturbance_every_byte_passes_in_order_however_it_was_cut() -> None:
    whole = ROW + told(1) + ROW + told(2)
    for size in (1, 3, 1000):
        quiet = bus(disturbing=False)
        assert b"".join(quiet.passed(whole[at : at + size]) for at in range(0, len(whole), size)) == whole
        assert quiet.disturbed == 0


def test_only_notifications_are_lost_repeated_and_reordered() -> None:
    noisy = bus()
    sent = b"".join(ROW + told(number) for number in range(60))
    passed = noisy.passed(sent)
    assert passed.count(ROW) == 60
    numbers = [int(part.split(b"D")[0].split(b"A")[0]) for part in passed.replace(ROW, b"").split(b"hint ")[1:]]
    assert set(numbers) < set(range(60)), "none was lost"
    assert len(numbers) > len(set(numbers)), "none was repeated"
    assert numbers != sorted(numbers), "none was overtaken"
    assert noisy.disturbed > 20


def test_what_was_held_back_comes_once_the_bus_is_calm() -> None:
    noisy = next(each for each in (bus(seed=seed) for seed in range(50)) if each.passed(told(1)) == b"")
    noisy.disturbing = False
    assert noisy.passed(told(2)).endswith(told(2))


def test_the_answer_to_the_question_for_encryption_is_no_message() -> None:
    quiet = bus()
    quiet.asked((8).to_bytes(4, "big") + b"\x04\xd2\x16\x2f")
    assert quiet.passed(b"N" + ROW) == b"N" + ROW
