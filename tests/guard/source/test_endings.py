"""Where statements come to an end."""

from tests.guard.programs import understood


def test_a_function_tells_whether_its_end_can_be_reached() -> None:
    for body, falls in (
        ("return 1", False),
        ("if a:\n        return 1", True),
        ("if a:\n        return 1\n    else:\n        raise b", False),
        ("try:\n        return 1\n    except A:\n        pass", True),
        ("while True:\n        pass", False),
    ):
        assert understood(f"def f():\n    {body}\n").functions[1].falls is falls, body


def test_an_empty_body_is_abstract() -> None:
    file = understood('def a(): ...\ndef b():\n    "doc"\n    raise NotImplementedError\ndef c(): return 1\n')
    assert [each.abstract for each in file.functions[1:]] == [True, True, False]


def test_a_function_tells_which_of_its_lines_nobody_gets_to() -> None:
    for body, lines in (
        ("return 1\n    a\n    b", ((3, 4),)),
        ("return 1; a\n    b", ((3, 3),)),
        ("if a:\n        return 1\n        b\n    c", ((4, 4),)),
        ("if a:\n        return 1\n    else:\n        raise b\n    @c\n    def d(): ...", ((6, 7),)),
        ("if 0:\n        a\n    elif b:\n        return 1\n    c", ((3, 3),)),
        ("if True:\n        return 1\n    elif b:\n        c\n    d", ((4, 5), (6, 6))),
        ("for a in b:\n        continue\n        c\n    d", ((4, 4),)),
        ("while True:\n        a\n    b", ((4, 4),)),
        ("while True:\n        break\n    b", ()),
        ("sys.exit(2)\n    a", ((3, 3),)),
        ("with open(a) as b:\n        return 1\n    c", ((4, 4),)),
        ("with self.lock:\n        return 1\n    c", ((4, 4),)),
        ("with suppress(a):\n        return 1\n    c", ()),
        ("try:\n        return 1\n    except a:\n        raise\n    b", ((6, 6),)),
        ("try:\n        return 1\n    finally:\n        a\n    b", ((6, 6),)),
        ("try:\n        return 1\n    except a:\n        pass\n    b", ()),
        ("match a:\n        case 1:\n            return 1\n        case _:\n            return 2\n    b", ((7, 7),)),
        ("match a:\n        case 1:\n            return 1\n    b", ()),
    ):
        assert understood(f"def f():\n    {body}\n").functions[1].unreached == lines, body


def test_a_class_of_which_only_dots_are_written_is_abstract() -> None:
    file = understood('class A: ...\nclass B:\n    "doc"\n    ...\nclass C: pass\nclass D:\n    def e(self): ...\n')
    assert [each.abstract for each in file.functions if each.sort == "body"] == [True, True, False, False]
