from netra.guard.source.files import Read, understand
from netra.guard.source.parsing import MOST_TOLD, blocks, parsed


def names(text: str) -> list[str]:
    return [each.name for each in understand(Read(text.encode(), "")).functions if each.name]


def test_a_broken_function_hides_none_of_its_neighbours() -> None:
    text = "def one(): ...\n\ndef broken(:\n    pass\n\n@decorated\nasync def two():\n    return 1\n"
    assert names(text) == ["one", "two"]
    file = understand(Read(text.encode(), ""))
    assert [problem.line for problem in file.problems] == [3]
    assert [each.line for each in file.functions if each.name] == [1, 7]


def test_a_broken_method_hides_none_of_its_class() -> None:
    text = "class Store:\n    def one(self): ...\n\n    def broken(self:\n        pass\n\n    async def two(self): ...\n"
    file = understand(Read(text.encode(), ""))
    assert [(each.name, each.line) for each in file.functions[2:]] == [("one", 2), ("two", 7)]
    assert [each.name for each in file.classes] == ["Store"]
    assert [problem.line for problem in file.problems] == [4]


def test_blocks_are_cut_where_a_statement_begins() -> None:
    lines = "a = 1\nif a:\n    b\nelse:\n    c\n@d\ndef e(\n):\n    f".split("\n")
    assert list(blocks(lines, 0, len(lines), 0)) == [(0, 1), (1, 5), (5, 9)]


def test_a_form_feed_before_a_statement_moves_it_nowhere() -> None:
    assert names("def (:\n\x0cdef one(): ...\n    \x0c\n\x0casync def two():\n    return 1\n") == ["one", "two"]


def test_each_problem_and_each_statement_keeps_its_line() -> None:
    good = "".join(f"def f{number}():\n    return 1\n" for number in range(50))
    body, problems = parsed(f"{good}def broken(:\n    pass\n{good}x = (\n")
    assert [problem.line for problem in problems] == [101, 203]
    assert [each.lineno for each in body] == [*range(1, 101, 2), *range(103, 203, 2)]


def test_a_file_for_python_2_is_one_problem() -> None:
    text = "import os\ndef f():\n    print 'a'\ndef g(): ...\ntry: ...\nexcept E, e: print 'b'\n"
    (problem,) = parsed(text)[1]
    assert (problem.line, problem.newer) == (3, "")
    assert problem.message == "the file is written for Python 2: 2 of its statements cannot be read"
    assert names(text) == ["g"]


def test_a_file_that_is_broken_all_over_is_told_in_a_few_lines() -> None:
    problems = parsed("def (:\n" * 500)[1]
    assert len(problems) == MOST_TOLD
    assert "500 of its statements cannot be read" in problems[-1].message


def test_what_stands_in_a_string_at_the_left_edge_is_no_statement() -> None:
    body, problems = parsed('def (:\ndef one():\n    """\nA page.\n\nof it = 1\n"""\n\nx = """\ny\n"""\n')
    assert [each.lineno for each in body] == [2, 9]
    assert [problem.line for problem in problems] == [1]
