from netra.guard.members.modules import ModuleNames
from tests.guard.programs import analysed


def test_a_module_lacks_what_neither_it_nor_its_folder_holds() -> None:
    analysis = analysed({"shop/__init__.py": "a = 1", "shop/b.py": "", "shop/lazy.py": "def __getattr__(name): ..."})
    names = analysis.once(ModuleNames)
    shop, lazy = analysis.program.modules["shop"], analysis.program.modules["shop.lazy"]
    assert [names.lacks(shop, name) for name in ("a", "b", "c", "__path__")] == [False, False, True, False]
    assert not names.lacks(lazy, "c")
    assert names.named_in(shop) == ["a"]


def test_a_module_may_have_what_others_give_it() -> None:
    analysis = analysed({"a.py": "def f():\n    global x\n    x = 1\n", "b.py": "import a\na.y = 2\n"})
    names = analysis.once(ModuleNames)
    module = analysis.program.modules["a"]
    assert [names.lacks(module, name) for name in ("x", "y", "z")] == [False, False, True]
