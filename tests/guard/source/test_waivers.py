import pytest

from netra.guard.source.waivers import AWAIT, CALL, MEMBER, NAME, waivers


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("f(x=1)  # type: ignore[call-arg]", [CALL]),
        ("await f()  # ty: ignore[invalid-await]", [AWAIT]),
        ("f(x=1)  # type: ignore[call-arg, attr-defined]", [CALL, MEMBER]),
        ("f(x=1)  # pyright: ignore[reportCallIssue]", [CALL]),
        ("f(x)  # noqa: E501, F821", [NAME]),
        ("f.x()  # pylint: disable=no-member,fixme", [MEMBER]),
        ("f(x=1)  # type: ignore", []),
        ("f(x=1)  # noqa", []),
        ("f(x=1)  # type: ignore[assignment]", []),
    ],
)
def test_a_line_is_waived_for_what_its_comment_names(line: str, expected: list[str]) -> None:
    assert waivers(f"import f\n\n{line}\n") == tuple((3, each) for each in expected)
