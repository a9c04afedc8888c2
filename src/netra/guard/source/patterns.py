"""What the pattern of a `case` asks for: objects of which classes, and whether it takes all of them."""

import ast

from netra.guard.facts import Expression
from netra.guard.source.expressions import annotation


def asked_classes(pattern: ast.pattern) -> tuple[tuple[Expression, ...], bool]:
    """`Move()`, `Move(player=who)`, `Move() | Chat() as message`: the classes, and whether every object of them fits."""
    match pattern:
        case ast.MatchAs(pattern=None):
            return (), True
        case ast.MatchAs(pattern=inner) if inner is not None:
            return asked_classes(inner)
        case ast.MatchOr(patterns=patterns):
            parts = [asked_classes(each) for each in patterns]
            if all(classes for classes, _ in parts):
                return tuple(one for classes, _ in parts for one in classes), all(whole for _, whole in parts)
            return (), any(whole and not classes for classes, whole in parts)
        case ast.MatchClass(cls=asked, patterns=positional, kwd_patterns=named):
            whole = all(isinstance(each, ast.MatchAs) and each.pattern is None for each in (*positional, *named))
            return (annotation(asked),), whole
    return (), False
