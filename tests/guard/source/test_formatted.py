import ast
import sys

import pytest

from netra.guard.source import formatted
from netra.guard.source.formatted import Strings, Text, as_tuples, fields, restored
from netra.guard.source.parsing import parsed

older_than_3_12 = pytest.mark.skipif(sys.version_info >= (3, 12), reason="this Python reads all of it")


@older_than_3_12
@pytest.mark.parametrize(
    "text",
    [
        """x = f'{a['b']}'""",
        '''x = f"{"{}".join(a)} and {b["c"]!r:>{d["e"]}}"''',
        r"""x = f"{'\n'.join(f'{i} {n}' for i, n in a)}" """,
        'x = f"{\n    a  # of a\n}"',
        'x = f"{a  # not a quote: \'\n}" f"{b}"',
        """x = ("a" f"{a["c"]}"\n     "d{e}" f'{f}')""",
        '''x = f"""<b>{"""{""" + a}</b>\ndef no(:\n"""''',
        """x = f'{f'{f'{a}'}'}'""",
        '''x = a if f"{b["c"]}" != "d" else rf"\\{e["f"]}"''',
        """x = f"{(lambda: a["b"])()}", f"{b["c"]=}", 1""",
    ],
)
def test_an_f_string_of_python_3_12_is_read_and_named_and_what_follows_stays_where_it_is(text: str) -> None:
    body, problems = parsed(f"a = 1\n{text}\ndef after(): ...\n")
    assert [type(each) for each in body] == [ast.Assign, ast.Assign, ast.FunctionDef]
    assert body[-1].lineno == text.count("\n") + 3
    assert {each.newer for each in problems} == {"Python 3.12"}
    assert all(each.line in range(2, text.count("\n") + 3) for each in problems)
    assert any(isinstance(each, ast.JoinedStr) for each in ast.walk(body[1]))
    assert "a" in [each.id for each in ast.walk(body[1]) if isinstance(each, ast.Name)]


@pytest.mark.parametrize(
    "text",
    [
        "x = f'a{b}c' 'd{e}' f\"{g!r}\"",
        "x = f'{a}', f'{b}'",
        "x = f'{a:>{b}.{c}}' + f'{{{d}}}'",
        "x = f'''é{a}\n  {b}'''.format(f'{c()}')",
        "x = f'{a == b}{c != d}{e:=^5}{f[1:2]}{ {1: 2}[1] }{(g := 1)}'",
        r"x = f'\N{DIGIT ONE}{a}\n\"' + rf'\d{b}\''",
        "x = f'{a=}{b=!s}{c=:>5}'",
    ],
)
def test_what_is_put_back_is_what_was_there(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def all_of_them(strings: Strings) -> list[tuple[int, str]]:
        return [(each.start, "any") for each in fields(strings.pieces)]

    monkeypatch.setattr(formatted, "_newer", all_of_them)
    older, places, _ = as_tuples(Text(text))
    assert older != text
    assert shape(restored(ast.parse(older).body, places)) == shape(ast.parse(text).body)


def shape(body: list[ast.stmt]) -> list[str]:
    """What was parsed, with the letters between the braces of an f-string as one, wherever they are cut."""
    for each in ast.walk(ast.Module(body, [])):
        if isinstance(each, ast.JoinedStr):
            letters = "".join(str(one.value) for one in each.values if isinstance(one, ast.Constant))
            each.values = [*(one for one in each.values if not isinstance(one, ast.Constant)), ast.Constant(letters)]
    return [ast.dump(each) for each in body]


def test_several_values_in_one_pair_of_braces_are_put_back_as_several() -> None:
    older, places, _ = as_tuples(Text("x = f'{a['b'], c}'"))
    (statement,) = restored(ast.parse(older).body, places)
    assert isinstance(statement, ast.Assign) and isinstance(statement.value, ast.JoinedStr)
    assert len(statement.value.values) == 2


@pytest.mark.parametrize(
    "text",
    ["x = f'{a'\ny = f'{b}'\n", "x = f'{}'\n", "x = f'}'", "x = f'{a!z}'", 'x = f"{', "f'{a b['c']}'", "f'{" * 50, "'a\n'"],
)
def test_what_no_python_reads_is_left_as_it_is(text: str) -> None:
    assert as_tuples(Text(text)) == (text, {}, [])


def test_strings_are_told_from_code() -> None:
    text = """a = 'b' "c"  # 'd'\ne = f'{'g'}' rb'''\n''' + "\\"" """
    found = Text(text)
    assert [text[start:end] for start, end in found.quoted] == ["'b'", '"c"', "'{'g'}'", "'''\n'''", '"\\""']
    assert [text[start:end] for start, end in found.comments] == ["# 'd'"]
