"""A list under a local name is the same list, and a copy has what lies deeper in common with what it is a copy of."""

import pytest

from netra.guard.requests.renamed import changed_in_place, said_of
from tests.guard.programs import analysed

TEXT = """
    import copy
    from fastapi import FastAPI

    app = FastAPI()
    LINES = ["one"]
    COUNT = 1
    STYLES = {"page": {"size": 1, "margins": {"top": 1}}}

    @app.get("/page")
    async def page(kind: str):
        {first}
        {second}
    """


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("own = LINES", "own += [kind]", ["LINES"]),
        ("own = [*LINES]", "own += [kind]", []),
        ("own = COUNT", "own += 1", []),
        ("own = STYLES[kind].copy()", "own['margins']['top'] = 2", ["STYLES"]),
        ("own = dict(STYLES['page'])", "own['margins'].update({'top': 2})", ["STYLES"]),
        ("own = copy.copy(STYLES[kind])", "own['margins']['top'] = 2", ["STYLES"]),
        ("own = copy.deepcopy(STYLES[kind])", "own['margins']['top'] = 2", []),
        ("own = STYLES[kind].copy()", "own['size'] = 2", []),
        ("own = STYLES[kind].copy(); own['margins'] = {}", "own['margins']['top'] = 2", []),
    ],
)
def test_what_all_share_is_changed_under_another_name(first: str, second: str, expected: list[str]) -> None:
    text = TEXT.replace("{first}", first).replace("{second}", second)
    found = [*changed_in_place(analysed(text))]
    assert [each.slot.name for each in found] == expected
    assert all(f"`{each.slot.name}`" in said_of(each) for each in found)
