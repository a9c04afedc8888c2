import pytest

from netra.guard.meaning.models import ALLOW, FORBID, IGNORE, decorated_as, extra, fields
from tests.guard.programs import analysed, of_class


def test_fields_are_what_a_class_annotates_in_order() -> None:
    analysis = analysed(
        """
        from dataclasses import KW_ONLY, dataclass, field
        from typing import ClassVar
        @dataclass(kw_only=True)
        class Item:
            a: int
            b: int = 1
            c: ClassVar[int] = 2
            d: int = field(default=3)
            e: int = field()
            f: int = field(init=False)
            _: KW_ONLY
            g: int = field(default_factory=int)
            h = 4
        """
    )
    kind = of_class(analysis.program, "example.Item")
    found = fields(kind)
    assert found is not None
    assert [(each.name, each.required, each.keyword_only) for each in found] == [
        ("a", True, False),
        ("b", False, False),
        ("d", False, False),
        ("e", True, False),
        ("g", False, True),
    ]
    made, told = decorated_as(kind, analysis.program)
    assert (made, set(told)) == ("dataclass", {"kw_only"})


def test_a_field_that_a_method_fills_may_be_left_out() -> None:
    analysis = analysed(
        "from attrs import define, field\n@define\nclass A:\n    x: int = field()\n    @x.default\n    def _x(self): return 1\n"
    )
    assert [each.required for each in fields(of_class(analysis.program, "example.A")) or ()] == [False]


def test_a_field_whose_description_is_computed_is_not_understood() -> None:
    analysis = analysed("from pydantic import BaseModel, Field\nclass A(BaseModel):\n    x: int = Field(**options)\n")
    assert fields(of_class(analysis.program, "example.A")) is None


def test_an_alias_is_another_name_of_a_field() -> None:
    analysis = analysed("from pydantic import BaseModel, Field\nclass A(BaseModel):\n    x: int = Field(..., alias='y')\n")
    found = fields(of_class(analysis.program, "example.A"))
    assert found is not None
    assert [(each.name, each.required, each.aliases) for each in found] == [("x", True, ("y",))]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("x: int", IGNORE),
        ("model_config = ConfigDict(extra='allow')", ALLOW),
        ("model_config = ConfigDict(frozen=True)", IGNORE),
        ("model_config = {'extra': 'forbid'}", FORBID),
        ("model_config = ConfigDict(**settings)", None),
        ("model_config = settings", None),
        ("class Config:\n        extra = Extra.forbid", FORBID),
        ("class Config(Other):\n        pass", None),
    ],
)
def test_a_model_says_what_it_does_with_other_fields(body: str, expected: str | None) -> None:
    analysis = analysed(f"from pydantic import BaseModel\nclass A(BaseModel):\n    {body}\nclass B(A): ...\n")
    assert extra(of_class(analysis.program, "example.B"), analysis.program) == expected
