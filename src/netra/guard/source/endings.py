"""Whether statements come to an end, and whether there are any that count."""

import ast


def is_empty(body: list[ast.stmt]) -> bool:
    """Only a docstring, `...`, `pass`, or a NotImplementedError: somebody else's method is meant."""
    for statement in body:
        match statement:
            case ast.Pass() | ast.Expr(value=ast.Constant()):
                continue
            case ast.Raise(exc=ast.Call(func=ast.Name(id="NotImplementedError")) | ast.Name(id="NotImplementedError")):
                continue
        return False
    return True


def ends(body: list[ast.stmt]) -> bool:
    """Whether every path through the statements returns or raises."""
    for statement in body:
        match statement:
            case ast.Return() | ast.Raise():
                return True
            case ast.If() if _all_end(statement):
                return True
            case ast.With(body=inner) | ast.AsyncWith(body=inner) if ends(inner):
                return True
            case ast.Try(finalbody=last) if ends(last):
                return True
            case ast.Try(body=tried, handlers=handlers, orelse=rest):
                if (ends(tried) or ends(rest)) and all(ends(each.body) for each in handlers):
                    return True
            case ast.While(test=ast.Constant(value=True), body=inner):
                if not any(isinstance(each, ast.Break) for part in inner for each in ast.walk(part)):
                    return True
            case ast.Match(cases=cases):
                whole = any(isinstance(each.pattern, ast.MatchAs) and each.pattern.pattern is None for each in cases)
                if whole and all(ends(each.body) for each in cases):
                    return True
    return False


def _all_end(node: ast.If) -> bool:
    """Whether each branch of an `if` with all its `elif` and `else` returns or raises."""
    while ends(node.body):
        match node.orelse:
            case [ast.If() as node]:
                continue
        return ends(node.orelse)
    return False
