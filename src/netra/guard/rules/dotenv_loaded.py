"""E104."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.asked import call_of
from netra.guard.environment import Access, Owners, Touch, accesses, outside
from netra.guard.facts import BODY, TOP, last_name
from netra.guard.faults import CERTAIN, Sighting
from netra.guard.keepers import Keepers
from netra.guard.ownership import ClearOwners
from netra.guard.reporting import of_access, past_owner
from netra.guard.rule import rule
from netra.guard.settings import class_setting, is_of_settings
from netra.guard.symbols import ClassSymbol, FunctionSymbol, ModuleSymbol, Symbol
from netra.guard.unasked import is_for_nobody


@rule("E104", "dotenv-loaded", owned=True, hesitant=True)
def dotenv_loaded(analysis: Analysis) -> Iterator[Sighting]:
    """A `.env` file is loaded outside the module that owns the environment.

    `load_dotenv` writes to the process environment. Called wherever a module happens to be imported, it decides by the order of
    imports which value holds, in production as well.

    ```python
    from dotenv import load_dotenv

    load_dotenv()  # E104
    ```

    Guard is certain where one module clearly owns the environment (E102 says when), and a function loads the file whose module
    cannot run without that owner: by then its settings are made, and only who reads past them sees what was loaded. So it is
    where a module of settings is at hand that loads nothing itself (E101 says when), and where what that one has loaded is
    overridden. Django has made its settings before it calls `ready` of an `AppConfig`, and what that loads comes too late.
    `DotEnv(…).set_as_environment_variables()` and `Env().read_env()` load a file as well.

    Left alone is a function that loads, without overriding anything, the file that a settings class of the owner reads as its
    `env_file`: both see the same; and one that makes the owner's settings right behind it, where nobody else makes them. What
    is loaded only for an argument that no call passes, is likely at most.
    """
    for access, owners in outside(analysis, Touch.LOAD, without_owner=True):
        if _is_read_by_the_owner(access, owners):
            continue
        late = None if owners.configured else _owner_that_has_read(analysis, access)
        if late is not None and _is_loaded_for(analysis, access, late):
            continue
        if late is not None and not is_for_nobody(access.line, access.scope, analysis):
            done = _has_read(analysis, access, late)
            how = f"when `{late.name}` has read the environment" if done else f"past `{late.name}`"
            yield past_owner(access, late, f"a `.env` file is loaded {how}", CERTAIN)
        elif owners:
            yield of_access(analysis, access, owners, f"a `.env` file is loaded outside `{owners.named}`")


def _owner_that_has_read(analysis: Analysis, access: Access) -> ModuleSymbol | None:
    """The owner that has run before the load.

    It is clearly the owner, and the load stands in a function of a module that cannot run without it. Or the module imports it
    at its top and belongs to a server, where the owner loads nothing of the kind itself; or it loads over what the owner has.
    """
    clear, keepers = analysis.once(ClearOwners), analysis.once(Keepers)
    kept = keepers.at_hand(access)
    if kept is None and _is_of_an_app(access):
        kept = next(keepers.of(access.module), None)
    if kept is not None and (_is_overriding(access) or not kept.loads):
        return kept.place
    if _is_overriding(access):
        for keeper in keepers.of(access.module):
            if keeper.fills and not access.module.in_tests and keepers.is_imported(access.module, keeper):
                return keeper.place
    if access.scope.facts.sort in (TOP, BODY) or clear.is_of_a_script(access):
        return None
    return clear.over(access)


def _is_loaded_for(analysis: Analysis, access: Access, owner: ModuleSymbol) -> bool:
    """The owner only says what its settings are, and the one place in which they are made is behind the load."""
    kinds = {each for each in owner.classes if is_of_settings(analysis.program, each)}
    asked = {each.scope for each in analysis.once(accesses)}
    if not kinds or any(each in asked for each in owner.functions):
        return False
    made = [
        (scope, call.line)
        for scope, _, call in analysis.calls_of(*{each.name for each in kinds})
        if not scope.module.in_tests and analysis.program.evaluate(call.callee, scope) in kinds
    ]
    return bool(made) and all(scope is access.scope and line > access.line for scope, line in made)


def _has_read(analysis: Analysis, access: Access, owner: ModuleSymbol) -> bool:
    """Whether the module of settings has asked by then. What only its functions ask, they ask when they are called, and a file
    that is loaded while modules are imported is mostly there before.
    """
    if access.scope.facts.sort not in (TOP, BODY):
        return True
    tops = [
        scope
        for module in analysis.modules
        if module is owner or module.name.startswith(f"{owner.name}.")
        for scope in module.functions
        if scope.facts.sort in (TOP, BODY)
    ]
    asked = {each.scope for each in analysis.once(accesses)}
    called = (analysis.program.evaluate(call.callee, scope) for scope in tops for call in scope.facts.calls)
    return not asked.isdisjoint(tops) or any(_asks(each, asked) for each in called)


def _asks(called: Symbol | None, asked: set[FunctionSymbol]) -> bool:
    """A function that asks the environment, or a class whose fields or methods do."""
    if isinstance(called, ClassSymbol):
        return not asked.isdisjoint((called.body, *(each for methods in called.methods.values() for each in methods)))
    return called in asked


def _is_of_an_app(access: Access) -> bool:
    """Django calls `ready` of an `AppConfig` when the settings are there, and before anybody is served."""
    kind = access.scope.owner
    return (
        kind is not None and access.scope.name == "ready" and any(last_name(each) == "AppConfig" for each in kind.facts.bases)
    )


def _is_overriding(access: Access) -> bool:
    call = call_of(access.scope, access.mention)
    while call is not None and call.callee[0] == "attribute" and call.callee[1][0] == "call":
        call = access.scope.facts.calls[call.callee[1][1]]  # `DotEnv("app.env", override=True).set_as_environment_variables()`
    return call is not None and dict(call.keywords).get("override") == ("constant", "bool", True)


def _is_read_by_the_owner(access: Access, owners: Owners) -> bool:
    call = call_of(access.scope, access.mention)
    if call is None or access.scope.facts.sort in (TOP, BODY) or "override" in dict(call.keywords):
        return False
    given = call.arguments[0] if call.arguments else dict(call.keywords).get("dotenv_path", ("string", ".env"))
    read = [file for module in owners.modules for kind in module.classes if (file := class_setting(kind, "env_file"))]
    return any(given == each or (each[0] in ("list", "tuple") and given in each[1]) for each in read)
