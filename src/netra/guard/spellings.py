"""What of the module `os` an expression is, in whatever spelling: `posix.environ`, `__import__("os").environ`, `env`."""

from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import Expression, last_name
from netra.guard.symbols import External, FunctionSymbol, VariableSymbol
from netra.guard.values import Foreign

MAPPINGS: Final = frozenset({"os.environ", "os.environb"})
# Under this name, Starlette has an object around it, and writes go through.
HANDED_OUT: Final = "starlette.config.environ"
# What `os` has it from.
UNDERNEATH: Final = frozenset({"posix", "nt"})
IMPORTING: Final = frozenset({"import_module", "__import__"})


def of_os(analysis: Analysis, expression: Expression, scope: FunctionSymbol) -> str | None:
    """The name of what is mentioned: `os.environ`, also of `posix.environ` and where the module was asked for by a text."""
    match analysis.receivers.value(expression, scope):
        case Foreign(symbol=External(dotted=dotted)):
            if dotted.startswith(HANDED_OUT):
                return f"os.environ{dotted.removeprefix(HANDED_OUT)}"
            top, dot, rest = dotted.partition(".")
            return f"os.{rest}" if dot and top in UNDERNEATH else dotted
    match expression:
        case ("attribute", inner, str(name)) if _module_asked_for(analysis, inner, scope) == "os":
            return f"os.{name}"
        case ("name", _):
            match analysis.program.evaluate(expression, scope):
                case VariableSymbol(scope=holder, name=name) if name not in holder.parameters:
                    match [each.value for each in holder.assigned.get(name, ())]:
                        case [("attribute", inner, str(attribute))] if _module_asked_for(analysis, inner, holder) == "os":
                            return f"os.{attribute}"
    return None


def _module_asked_for(analysis: Analysis, expression: Expression, scope: FunctionSymbol) -> str:
    """`os` of `importlib.import_module("os")`, `__import__("os")` and `sys.modules["os"]`, and of a name that has got one."""
    match expression:
        case ("call", int(index)):
            call = scope.facts.calls[index]
            match call.arguments:
                case (("string", str(text)), *_) if last_name(call.callee) in IMPORTING:
                    return text
        case ("subscript", ("attribute", ("name", "sys"), "modules") | ("name", "modules"), ("string", str(text))):
            return text
        case ("name" | "attribute", *_):
            match analysis.program.evaluate(expression, scope):
                case VariableSymbol(scope=holder, name=name):
                    match [each.value for each in holder.assigned.get(name, ())]:
                        case [("call" | "subscript", *_) as only]:
                            return _module_asked_for(analysis, only, holder)
    return ""
