import pytest

from netra.guard.entries.unimported import Unimported
from tests.guard.programs import analysed

BESIDE = {f"shop/part{number}.py": "LIMIT = 3\n" for number in range(20)}
ALL = "\n".join(f"from shop import part{number}" for number in range(20))
PROGRAM = {"shop/__init__.py": "", "shop/core/__init__.py": "", "shop/main.py": f"{ALL}\nfrom shop.core import stock\n"}


def _is_unimported(path: str, others: dict[str, str], text: str = "LIMIT = 3\n") -> bool:
    program = analysed(PROGRAM | BESIDE | {"shop/core/stock.py": "LIMIT = 3\n", path: text} | others).program
    module = next(each for each in program.own if each.path == path)
    return program.once(Unimported).step(module) is not None


@pytest.mark.parametrize(
    ("path", "text", "unimported"),
    [
        ("shop/core/orders.py", "LIMIT = 3\n", True),
        ("shop/core/stock.py", "LIMIT = 3\n", False),
        ("shop/core/__init__.py", "LIMIT = 3\n", False),
        ("shop/core/wsgi.py", "LIMIT = 3\n", False),
        ("shop/migrations/orders.py", "LIMIT = 3\n", False),
        ("tests/test_orders.py", "LIMIT = 3\n", False),
        ("shop/core/orders.py", "if __name__ == '__main__':\n    print(3)\n", False),
    ],
)
def test_a_module_that_nothing_imports_and_nobody_runs_by_its_name(path: str, text: str, unimported: bool) -> None:
    assert _is_unimported(path, {}, text) is unimported


@pytest.mark.parametrize(
    "text",
    [
        "import shop.core.orders\n",
        "def later():\n    from .core.orders import LIMIT\n",
        "PARTS = ['shop.core.orders']\n",
        "def begin(server): server.run('shop.core.orders:app')\n",
    ],
)
def test_a_module_is_imported_by_a_statement_or_may_be_by_a_text(text: str) -> None:
    assert not _is_unimported("shop/core/orders.py", {"shop/other.py": text, "shop/app.py": "import shop.other\n"})


def test_what_lies_beside_a_module_that_imports_by_computed_names_may_be_imported() -> None:
    loading = {"shop/core/stock.py": "from pkgutil import iter_modules\nPARTS = [*iter_modules('.')]\n"}
    assert not _is_unimported("shop/core/orders.py", loading)
    assert _is_unimported("shop/orders.py", loading)


def test_of_a_small_program_and_of_a_heap_of_scripts_nothing_is_said() -> None:
    program = analysed({"shop/main.py": "from shop import stock\n", "shop/stock.py": "", "shop/orders.py": ""}).program
    assert [program.once(Unimported).step(each) for each in program.own] == [None] * 3
    program = analysed(BESIDE).program
    assert [program.once(Unimported).step(each) for each in program.own] == [None] * 20
