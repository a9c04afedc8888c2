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
