import marshal
import pickle
from pathlib import Path

from netra.guard.facts import stored
from netra.guard.source.cache import Cache, Entry, KnownFacts, own_version, stamp
from tests.guard.programs import understood


def test_what_is_kept_is_known_next_time(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text("a = 1")
    entry = Entry.of_plain((*stamp(file), b"hash", b"facts", b"hash"))
    Cache(tmp_path / "cache").keep({str(file): entry}, b"key", ("outcome",))
    again = Cache(tmp_path / "cache")
    known = again.entry(file, stamp(file))
    assert known is not None
    assert known.plain == entry.plain
    assert again.facts(b"hash") == b"facts"
    assert again.outcome(b"key") == ("outcome",)
    assert (tmp_path / "cache/.gitignore").read_text() == "*\n"


def test_the_past_is_kept_until_another_one_is_looked_at(tmp_path: Path) -> None:
    Cache(tmp_path).keep_past({"one": b"facts"})
    assert Cache(tmp_path).past("one") == b"facts"
    Cache(tmp_path).keep_past({"two": b"facts"})
    assert Cache(tmp_path).past("one") is None


def facts(text: str) -> KnownFacts:
    return KnownFacts(understood(text))


def test_facts_that_are_stored_or_sent_are_the_same_facts() -> None:
    known = facts("async def greet(name: str) -> str:\n    return await ask(name)\n")
    assert marshal.loads(known.stored) == stored(known.file)
    assert KnownFacts(stored=known.stored).file == known.file
    sent = pickle.loads(pickle.dumps(known))
    assert (sent.file, sent.stored) == (known.file, known.stored)


def test_an_edit_that_changes_no_fact_changes_no_meaning() -> None:
    first = Entry.after(None, (1, 1), b"first", facts("\n\na = b()\n"))
    second = Entry.after(first, (2, 1), b"second", facts("\n\n# What is read.\na = b()\n"))
    third = Entry.after(second, (3, 1), b"third", facts("\n\na = c()\n"))
    assert [each.content for each in (first, second, third)] == [b"first", b"second", b"third"]
    assert [each.meaning for each in (first, second, third)] == [b"first", b"first", b"third"]


def test_a_file_that_was_written_again_is_not_known(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.keep({"a.py": Entry.of_plain((1, 2, b"hash", b"facts", b"hash"))}, b"key", ())
    assert cache.entry(Path("a.py"), (1, 3)) is None
    assert cache.entry(Path("b.py"), (1, 2)) is None


def test_a_cache_that_was_cut_off_is_no_cache(tmp_path: Path) -> None:
    Cache(tmp_path).keep({"a.py": Entry.of_plain((1, 2, b"hash", b"facts", b"hash"))}, b"key", ())
    for file in tmp_path.iterdir():
        file.write_bytes(file.read_bytes()[:-3])
    assert Cache(tmp_path).outcome(b"key") is None


def test_a_cache_in_which_any_byte_has_changed_is_no_cache(tmp_path: Path) -> None:
    Cache(tmp_path).keep({"a.py": Entry.of_plain((1, 2, b"hash", b"facts", b"hash"))}, b"key", ())
    (file,) = [each for each in tmp_path.iterdir() if each.name.startswith("facts")]
    written = file.read_bytes()
    for at in range(len(written)):
        file.write_bytes(written[:at] + bytes([written[at] ^ 0x55]) + written[at + 1 :])
        assert Cache(tmp_path).entry(Path("a.py"), (1, 2)) is None


def test_of_two_runs_at_once_the_last_is_kept_whole(tmp_path: Path) -> None:
    one, two = Cache(tmp_path), Cache(tmp_path)
    one.keep({"a.py": Entry.of_plain((1, 2, b"one", b"facts", b"one"))}, b"key", ("one",))
    two.keep({"a.py": Entry.of_plain((1, 3, b"two", b"facts", b"two"))}, b"key", ("two",))
    assert Cache(tmp_path).entry(Path("a.py"), (1, 3)) is not None
    assert Cache(tmp_path).outcome(b"key") == ("two",)


def test_a_folder_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    Cache(tmp_path / "file").keep({"a.py": Entry.of_plain((1, 2, b"hash", b"facts", b"hash"))}, b"key", ())
    Cache(None).keep({}, b"key", ())
    assert len(own_version()) == 16
