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
