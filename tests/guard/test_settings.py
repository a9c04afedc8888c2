from netra.guard.environment import accesses
from netra.guard.settings import HeldSettings, is_fallback, is_of_settings
from tests.guard.programs import analysed, of_class, program

APP = {
    "app/__init__.py": "",
    "app/config.py": "import os\nKEY = os.getenv('KEY', 'none')\n",
    "app/work.py": "import os\nx = os.getenv('KEY')\n",
}


def test_a_setting_has_its_name_and_its_default() -> None:
    (setting,) = HeldSettings(analysed(APP)).by_variable["KEY"]
    assert (setting.name, setting.default, setting.line, setting.holder) == ("KEY", ("string", "none"), 2, None)


def test_a_field_has_the_prefix_of_the_class_above_unless_its_own_says_otherwise() -> None:
    text = """
    from pydantic_settings import BaseSettings
    class A(BaseSettings, env_prefix="A_"):
        key: str
    class B(A):
        model_config = {"env_prefix": "B_"}
        word: str
    class C(A):
        size: int = 3
    """
    assert {"A_KEY", "B_WORD", "A_SIZE"} == HeldSettings(analysed(text)).by_variable.keys()


def test_what_is_below_the_programs_own_class_of_that_name_is_a_settings_class_only_when_pydantics_is_above() -> None:
    text = """
    import pydantic_settings
    class BaseSettings(pydantic_settings.BaseSettings): ...
    class A(BaseSettings): ...
    class Other: ...
    class B(Other): ...
    """
    seen = program({"m.py": text})
    assert is_of_settings(seen, of_class(seen, "m.A")) and not is_of_settings(seen, of_class(seen, "m.B"))


def test_a_fallback_stands_beside_an_argument_or_a_field() -> None:
    text = """
    import os
    class C:
        def m(self, a=None, b=None):
            w = a or int(os.getenv("W"))
            x = self.x or os.environ["X"]
            y = w or os.getenv("Y")
            if b is None:
                b = os.getenv("Z")
    """
    assert {each.variable: is_fallback(each) for each in accesses(analysed(text))} == {
        "W": True,
        "X": True,
        "Y": False,
        "Z": True,
    }


def test_a_read_that_nothing_keeps_holds_no_setting() -> None:
    text = """
    import os
    A = os.getenv("A")
    def look():
        global B
        B = os.getenv("B")
        c = os.getenv("C")
        return None if c else os.getenv("D")
    def _look():
        return os.getenv("E")
    class Given:
        def __init__(self):
            self.f = os.getenv("F")
    """
    files = APP | {"app/config.py": text}
    assert HeldSettings(analysed(files)).by_variable.keys() == {"A", "B", "D", "F"}
