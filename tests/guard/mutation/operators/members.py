"""Faults of family M: names that nothing defines, and callers that a change left behind."""

import ast
from collections.abc import Iterator

from netra.guard.faults import Edit
from tests.guard.mutation.operator import operator
from tests.guard.mutation.target import AnyFunction, Site, Target, last
from tests.guard.mutation.witness import ClassSeen, Defined, Witness, parameters


def _closed(seen: ClassSeen, witness: Witness) -> bool:
    """All that the class has is written down: its bases are known, and none of them answers for names that are not there."""
    found, closed = witness.bases(seen)
    return closed and not any(witness.method(seen, name) for name in ("__getattr__", "__getattribute__")) and len(found) < 20


def _named(name: ast.AST, text: str, line: int, column: int) -> Edit:
    length = len(getattr(name, "name", "").encode())
    return Edit(line, column, line, column + length, text)


def _name_of(function: AnyFunction, text: str) -> Edit:
    word = "async def " if isinstance(function, ast.AsyncFunctionDef) else "def "
    return _named(function, text, function.lineno, function.col_offset + len(word))


@operator("rename-method", "M")
def rename_method(target: Target, witness: Witness) -> Iterator[Site]:
    """Renames a method where it is defined, and not where it is called."""
    called = _called_on_self(target)
    for owner in target.classes:
        seen = ClassSeen(target, owner, owner.name)
        for method in owner.body:
            if not isinstance(method, AnyFunction) or method.decorator_list or method.name.startswith("__"):
                continue
            if (owner, method.name) not in called or target.in_tests or not witness.is_alone(owner.name):
                continue
            above = [each for each in witness.bases(seen)[0][1:] if witness.method(each, method.name)]
            if not above and sum(getattr(each, "name", "") == method.name for each in owner.body) == 1:
                yield Site((_name_of(method, f"{method.name}_anew"),), method.name, "", _closed(seen, witness), method.lineno)


def _called_on_self(target: Target) -> set[tuple[ast.ClassDef, str]]:
    found = set()
    for call in target.calls:
        function = target.function_of(call)
        match call.func:
            case ast.Attribute(value=ast.Name(id="self"), attr=name) if function is not None:
                owner = target.class_of(function)
                if owner is not None and function.name != name:
                    found.add((owner, name))
    return found


@operator("misspell-attribute", "M")
def misspell_attribute(target: Target, witness: Witness) -> Iterator[Site]:
    """Misspells the name of a method or attribute where it is read, of an object whose class is within the package."""
    for node in target.nodes:
        if not isinstance(node, ast.Attribute) or not isinstance(node.ctx, ast.Load) or target.in_tests:
            continue
        function = target.function_of(node)
        seen = None if function is None else witness.receiver(node.value, target, function)
        if seen is None or seen.node is None or node.end_lineno is None or node.end_col_offset is None:
            continue
        misspelt = f"{node.attr[:-1]}x{node.attr[-1:]}"
        here = Edit(
            node.end_lineno, node.end_col_offset - len(node.attr.encode()), node.end_lineno, node.end_col_offset, misspelt
        )
        alone = not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")) or witness.is_alone(seen.name)
        kind = "method called" if isinstance(target.parents[node], ast.Call) else "attribute read"
        yield Site((here,), misspelt, kind, alone and _closed(seen, witness), node.lineno)


@operator("misspell-enum-member", "M")
def misspell_enum_member(target: Target, witness: Witness) -> Iterator[Site]:
    """Misspells a member of an enumeration."""
    for node in target.nodes:
        match node:
            case ast.Attribute(value=ast.Name() as of, attr=name, ctx=ast.Load()) if name.isupper() and not target.in_tests:
                seen = witness.class_named(of, target)
                if seen is not None and seen.node is not None and any(last(b).endswith("Enum") for b in seen.node.bases):
                    assert node.end_lineno is not None
                    assert node.end_col_offset is not None
                    here = Edit(node.end_lineno, node.end_col_offset, node.end_lineno, node.end_col_offset, "_X")
                    yield Site((here,), f"{name}_X", line=node.lineno)


@operator("misspell-keyword", "M")
def misspell_keyword(target: Target, witness: Witness) -> Iterator[Site]:
    """Misspells a keyword of a call to a function of the package."""
    for call in target.calls:
        found = witness.called(call, target) if call.keywords and not target.in_tests else None
        if found is None or not isinstance(found.node, AnyFunction):
            continue
        keyword = call.keywords[0]
        if keyword.arg is not None and found.node.args.kwarg is None and not any(k.arg is None for k in call.keywords):
            here = Edit(
                keyword.lineno, keyword.col_offset, keyword.lineno, keyword.col_offset + len(keyword.arg), f"{keyword.arg}_x"
            )
            yield Site((here,), f"{keyword.arg}_x", "", not found.node.decorator_list, keyword.lineno)


@operator("unknown-field", "M")
def unknown_field(target: Target, witness: Witness) -> Iterator[Site]:
    """Gives a dataclass or model a field that it does not have."""
    for call in target.calls:
        if not call.keywords or target.in_tests or any(each.arg is None for each in call.keywords):
            continue
        seen = witness.class_named(call.func, target)
        if seen is None or seen.node is None or (kind := _record(seen, witness)) == "":
            continue
        keyword = call.keywords[0]
        here = Edit(keyword.lineno, keyword.col_offset, keyword.lineno, keyword.col_offset, "unheard_of=1, ")
        yield Site((here,), "unheard_of", kind, not _accepts_more(seen, witness), call.lineno)


def _record(seen: ClassSeen, witness: Witness) -> str:
    for each in witness.bases(seen)[0]:
        assert each.node is not None or each.target is None
        if each.node is not None:
            if {last(one) for one in each.node.decorator_list} & {"dataclass", "define", "frozen"}:
                return "dataclass"
            if {last(one) for one in each.node.bases} & {"BaseModel", "SQLModel"}:
                return "model"
    return ""


def _accepts_more(seen: ClassSeen, witness: Witness) -> bool:
    texts = [ast.unparse(each.node) for each in witness.bases(seen)[0] if each.node is not None]
    return witness.method(seen, "__init__") is not None or any("allow" in text or "**" in text for text in texts)


@operator("drop-import", "M")
def drop_import(target: Target, _: Witness) -> Iterator[Site]:
    """Takes away the only import of a name that a function uses."""
    if target.in_tests or target.package or "import *" in target.text:
        return
    used = {node.id for node in target.nodes if isinstance(node, ast.Name) and target.function_of(node) is not None}
    bound = [
        alias.asname or alias.name
        for node in target.nodes
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    ]
    for statement in target.tree.body:
        match statement:
            case ast.ImportFrom(names=[alias]) | ast.Import(names=[alias]) if "." not in alias.name:
                name = alias.asname or alias.name
                stored = sum(isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store) for n in target.nodes)
                if name in used and bound.count(name) == 1 and not stored and getattr(statement, "module", "") != "__future__":
                    yield Site((target.replaced(statement, "pass"),), name, line=statement.lineno)


@operator("method-on-class", "M")
def method_on_class(target: Target, witness: Witness) -> Iterator[Site]:
    """Calls an instance method on the class."""
    for call in target.calls:
        match call.func:
            case ast.Attribute(value=ast.Name(id=name) as receiver, attr=method) if name not in ("self", "cls"):
                seen = witness.receiver(receiver, target, target.function_of(call))
                if seen is None or seen.node is None or target.in_tests:
                    continue
                found = witness.method(seen, method)
                here = witness.class_named(ast.Name(seen.name), target)
                if found is None or here is None or here.node is not seen.node or getattr(found.node, "decorator_list", [1]):
                    continue
                yield Site((target.replaced(receiver, seen.name),), method, line=call.lineno)


# --- beside the program as it was ------------------------------------------------------------------------------------------


def _called_elsewhere(target: Target, witness: Witness) -> Iterator[tuple[AnyFunction, bool]]:
    """The functions at the top of a file that another file imports and calls, and whether a decorator hides them."""
    for function in target.tree.body:
        if isinstance(function, AnyFunction) and not function.name.startswith("_") and not target.in_tests:
            others = [each for each in witness.importers.get(function.name, ()) if each is not target]
            if any(_means(function, witness.defined(function.name, each)) for each in others):
                yield function, bool(function.decorator_list)


def _means(function: AnyFunction, found: Defined | None) -> bool:
    return found is not None and found.node is function


@operator("remove-function", "M", since=True)
def remove_function(target: Target, witness: Witness) -> Iterator[Site]:
    """Renames a function that another file imports: as good as removed for its callers."""
    for function, hidden in _called_elsewhere(target, witness):
        yield Site((_name_of(function, f"{function.name}_anew"),), function.name, "", not hidden, function.lineno)


@operator("another-parameter", "MA", since=True)
def another_parameter(target: Target, witness: Witness) -> Iterator[Site]:
    """Gives a function that another file calls one more parameter that has to be given."""
    for function, hidden in _called_elsewhere(target, witness):
        named = function.args.posonlyargs + function.args.args
        if not function.args.defaults and named and not function.args.vararg:
            first = named[0]
            here = Edit(first.lineno, first.col_offset, first.lineno, first.col_offset, "must_be_given, ")
            yield Site((here,), function.name, "", not hidden, function.lineno)


@operator("become-async", "AM", since=True)
def become_async(target: Target, witness: Witness) -> Iterator[Site]:
    """Makes a function async that another file calls."""
    for function, hidden in _called_elsewhere(target, witness):
        if isinstance(function, ast.FunctionDef) and parameters(function) is not None:
            here = Edit(function.lineno, function.col_offset, function.lineno, function.col_offset, "async ")
            yield Site((here,), function.name, "", not hidden, function.lineno)
