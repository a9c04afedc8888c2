import random
import re

from netra.prove.marks import Marks, as_variable, new_mark


def test_a_mark_is_found_wherever_it_is_and_only_of_others() -> None:
    source = random.Random(1)
    marks, mine, theirs = Marks(), new_mark(source), new_mark(source)
    marks.plant(mine, 1)
    marks.plant(theirs, 2)
    text = f'{{"a": "{mine}", "b": "x{theirs}y"}}'
    (found,) = marks.foreign(text, [1])
    assert found.owner == 2
    assert theirs in found.excerpt
    assert marks.foreign(text, [1, 2]) == []


def test_a_mark_of_nobody_is_nobodys() -> None:
    assert Marks().foreign(new_mark(random.Random(2)), [1]) == []


def test_one_owner_is_told_once_a_text() -> None:
    marks, mark = Marks(), new_mark(random.Random(3))
    marks.plant(mark, 4)
    assert len(marks.foreign(f"{mark} {mark}", [])) == 1


def test_a_mark_in_the_name_of_a_variable_is_the_same_mark() -> None:
    marks, mark = Marks(), new_mark(random.Random(4))
    marks.plant(mark, 4)
    name = as_variable(mark)
    assert re.fullmatch(r"[A-Z][A-Z0-9_]{0,61}", name)
    assert [found.owner for found in marks.foreign(f'{{"name": "{name}_1"}}', [1])] == [4]
