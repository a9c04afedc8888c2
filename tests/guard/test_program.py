from netra.guard.symbols import ClassSymbol, External, FunctionSymbol, ModuleSymbol, VariableSymbol
from tests.guard.programs import of_class, program

FILES = {
    "app/__init__.py": "from .store import save as persist\nfrom .names import *\n",
    "app/store.py": "async def save(): ...\nclass Store: ...\n",
    "app/names.py": "__all__ = ['shown']\ndef shown(): ...\ndef hidden(): ...\n",
    "app/deep/__init__.py": "",
    "app/deep/work.py": "from ..store import Store\nfrom ... import nothing\nimport app.store as s\nclass Work(Store): ...\n",
}


def test_a_reexport_an_alias_and_a_star_lead_to_what_they_name() -> None:
    linked = program(FILES)
    app = linked.modules["app"]
    persist = linked.member(app, "persist")
    assert isinstance(persist, FunctionSymbol) and persist.full_name == "app.store.save"
    shown = linked.member(app, "shown")
    assert isinstance(shown, FunctionSymbol) and shown.full_name == "app.names.shown"
    assert linked.member(app, "hidden") is None
    assert isinstance(linked.member(app, "store"), ModuleSymbol)


def test_a_relative_import_is_followed_and_one_that_leads_nowhere_is_lost() -> None:
    linked = program(FILES)
    top = linked.modules["app.deep.work"].top
    found = linked.lookup("Store", top)
    assert isinstance(found, ClassSymbol) and found.full_name == "app.store.Store"
    lost = linked.lookup("nothing", top)
    assert isinstance(lost, External) and linked.is_lost(lost.dotted)
    assert linked.lookup("len", top) == External("builtins.len")
    assert linked.lookup("undefined", top) is None


def test_what_nothing_binds_comes_from_the_one_module_outside_of_which_everything_is_imported() -> None:
    linked = program(
        {
            "one.py": "from os import *\nfrom sys import path\nname = 1\n",
            "two.py": "from os import *\nfrom sys import *\n",
            "own.py": "from one import *\n",
        }
    )
    one, two, own = (linked.modules[each].top for each in ("one", "two", "own"))
    assert linked.lookup("environ", one) == External("os.environ")
    assert linked.lookup("path", one) == External("sys.path")
    assert isinstance(linked.lookup("name", one), VariableSymbol)
    assert linked.lookup("len", one) == External("builtins.len")
    assert linked.lookup("_", one) is None
    assert linked.lookup("environ", two) is None
    assert linked.lookup("environ", own) is None


def test_a_call_is_found_by_the_name_that_the_function_has_where_it_is_defined() -> None:
    linked = program(
        {
            "app/__init__.py": "",
            "app/pages.py": "def search(): ...\nsearch()\n",
            "app/web.py": "from .pages import search as find\ndef tool():\n    find()\n",
        }
    )
    found = [(scope.module.name, scope.facts.calls[index].line) for scope, index in linked.calls_named["search"]]
    assert found == [("app.pages", 2), ("app.web", 3)]
    assert [call.line for _, _, call in linked.calls_of(["search", "find"])] == [2, 3]


def test_a_cycle_of_reexports_and_of_bases_ends() -> None:
    linked = program({"a.py": "from b import x\nclass A(A): ...", "b.py": "from a import x"})
    assert linked.member(linked.modules["a"], "x") in (None, External("b.x"), External("a.x"))
    assert linked.order(of_class(linked, "a.A"))[0] == (of_class(linked, "a.A"),)


def test_bases_come_in_the_order_in_which_attributes_are_found() -> None:
    linked = program({"a.py": "class A: ...\nclass B(A): ...\nclass C(A): ...\nclass D(B, C): ...\nclass E(D, unknown.F): ..."})
    order, closed = linked.order(of_class(linked, "a.D"))
    assert [each.name for each in order] == ["D", "B", "C", "A"] and closed
    assert not linked.order(of_class(linked, "a.E"))[1]
    assert {each.name for each in linked.subclasses[of_class(linked, "a.A")]} == {"B", "C", "D", "E"}


def test_names_of_a_class_body_are_not_seen_by_its_methods() -> None:
    linked = program({"a.py": "x = 1\nclass A:\n    x = 2\n    def m(self):\n        return x\n"})
    module = linked.modules["a"]
    (method,) = of_class(linked, "a.A").methods["m"]
    assert linked.lookup("x", method) == VariableSymbol(module.top, "x")
    assert linked.lookup("x", of_class(linked, "a.A").body) == VariableSymbol(of_class(linked, "a.A").body, "x")


def test_of_two_packages_of_one_name_the_nearer_one_is_meant() -> None:
    files = {
        f"{service}/app/{name}": text
        for service in ("orders", "mail-out")
        for name, text in {
            "__init__.py": "",
            "store.py": f"class Store:\n    of = '{service}'\n",
            "main.py": "from app.store import Store\nimport app.store\n",
        }.items()
    }
    linked = program(files)
    for module in linked.own:
        if module.path.endswith("main.py"):
            for expression in (("name", "Store"), ("attribute", ("attribute", ("name", "app"), "store"), "Store")):
                symbol = linked.evaluate(expression, module.top)
                assert isinstance(symbol, ClassSymbol)
                assert symbol.module.path.partition("/")[0] == module.path.partition("/")[0]
