from netra.guard.meaning.locked import gives_one_for_each, held_blocks
from tests.guard.programs import function, program

TEXT = """
class Desk:
    async def work(self):
        await self.lock.acquire()
        try:
            return 1
        finally:
            self.lock.release()

    async def never_freed(self):
        await self.lock.acquire()

    def of(self, key):
        if key not in self.locks:
            self.locks[key] = Lock()
        return self.locks[key]

    def new(self, key):
        self.last = key
        return Lock()
"""


def test_a_lock_is_held_until_it_is_released() -> None:
    found = program({"example.py": TEXT})
    held = [each for each in held_blocks(function(found, "example.Desk.work"), found) if each.what == "with async"]
    assert [(each.head, each.line, each.end_line) for each in held] == [(4, 5, 8)]
    assert held_blocks(function(found, "example.Desk.never_freed"), found) == ()


def test_what_is_kept_under_a_key_is_the_same_for_it() -> None:
    found = program({"example.py": TEXT})
    assert gives_one_for_each(function(found, "example.Desk.of"), "key")
    assert not gives_one_for_each(function(found, "example.Desk.new"), "key")
