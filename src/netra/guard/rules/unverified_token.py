"""S125."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import within, written
from netra.guard.requests.origins import Origins
from netra.guard.requests.serving import Serving
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol, name_in_library

# What reads the claims of a token without asking who has signed it.
READING: Final = frozenset({"get_unverified_claims"})
DECODING: Final = frozenset({"jwt.decode", "jwt.api_jwt.decode", "jose.jwt.decode", "jwt.decode_complete"})

# Claims that say who somebody is, or what they may do.
WHO: Final = frozenset(
    """sub user user_id userid uid id email username preferred_username name upn oid roles role scope scopes permissions groups
    tenant tenant_id org org_id account account_id plan""".split()
)
OFF: Final = ("constant", "bool", False)
PROVING: Final = ("verif", "validate", "authenticate", "introspect", "check_token", "check_signature")


@rule("S125", "unverified-token")
def unverified_token(analysis: Analysis) -> Iterator[Sighting]:
    """Who is asking is read out of a token that the client sends, and nobody checks that its signature is right.

    Whoever writes a token of their own is whoever they say they are.

    ```python
    def current_user(authorization: str = Header()):
        claims = jwt.decode(authorization, options={"verify_signature": False})  # S125
        return claims["sub"]
    ```

    Decode it with the key of who issues it, and name the algorithms (`jwt.decode(token, key, algorithms=["RS256"])`); `none`
    among them is no check. A token that is read to find out which key it needs, and is then decoded with that, is left alone,
    and so is one for which the function, or the one that calls it, asks somebody else.
    """
    origins = analysis.once(Origins)
    for scope, index, call in analysis.calls_of("decode", "decode_complete", *READING):
        if scope.module.in_tests or not call.arguments or not _is_unchecked(analysis, call, scope):
            continue
        origin = origins.of(call.arguments[0], scope, call.line)
        if origin is None or not _says_who(index, scope) or _is_proven(analysis, scope, call):
            continue
        message = f"`{written(call.callee, scope)}(…)` takes the token at its word: nobody checks who has signed it"
        why = (*origin.steps, *(() if origin.steps else analysis.once(Serving).way(scope)))
        mend = Mend("decode it with the key of who issues it, and the algorithms that they use")
        yield Sighting(scope, call.line, call.column, call.end_line, message, why, mend)


def _is_unchecked(analysis: Analysis, call: CallSite, scope: FunctionSymbol) -> bool:
    name = name_in_library(analysis.program.evaluate(call.callee, scope))
    if last_name(call.callee) in READING:
        return name.startswith("jose.")
    if name not in DECODING:
        return False
    keywords = dict(call.keywords)
    options = keywords.get("options", call.arguments[3] if len(call.arguments) > 3 else None)
    if options is not None and options[0] == "dict" and dict(options[1]).get(("string", "verify_signature")) == OFF:
        return True
    algorithms = keywords.get("algorithms", call.arguments[2] if len(call.arguments) > 2 else None)
    if algorithms is not None and algorithms[0] in ("list", "tuple"):
        return any(each[0] == "string" and each[1].lower() == "none" for each in algorithms[1])
    return keywords.get("verify") == OFF


def _says_who(index: int, scope: FunctionSymbol) -> bool:
    """A claim by which people are told apart, or let in, is read out of what it gives."""
    decoded: Expression = ("call", index)
    names = {each.target for each in scope.facts.assignments if each.value == decoded}
    if any(decoded in within(each.value, scope) and each.value == decoded for each in scope.facts.returned):
        return True
    places = names | {decoded}
    asked = (call for call in scope.facts.calls if call.callee[0] == "attribute" and call.callee[1] in places)
    if any(call.callee[2] == "get" and call.arguments and call.arguments[0][-1] in WHO for call in asked):
        return True
    parts = [each.value for each in scope.facts.returned] + [each.value for each in scope.facts.assignments]
    parts += [given for call in scope.facts.calls for given in call.given]
    parts += [test for block in scope.facts.blocks for test in block.expressions]
    return any(
        part[0] == "subscript" and part[1] in places and part[2][0] == "string" and part[2][1] in WHO
        for each in parts
        for part in within(each, scope)
    )


def _is_proven(analysis: Analysis, scope: FunctionSymbol, unchecked: CallSite) -> bool:
    """The same function, or one that calls it, decodes a token with a key, or has somebody else say that it is right."""
    callers = [caller for caller, _ in analysis.program.calls_named.get(scope.name, ())]
    for at in (scope, *callers):
        for call in at.facts.calls:
            name = (last_name(call.callee) or "").lower()
            if call is not unchecked and any(word in name for word in PROVING):
                return True
            decodes = name == "decode" and name_in_library(analysis.program.evaluate(call.callee, at)) in DECODING
            if decodes and call is not unchecked and not _is_unchecked(analysis, call, at):
                return True
    return False
