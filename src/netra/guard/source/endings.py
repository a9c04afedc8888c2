"""Whether statements come to an end, and whether there are any that count."""

import ast
from typing import Final

from netra.guard.facts import Expression, last_name

# What becomes of the way through a statement, or through several: somebody may come out at its end; nobody does, unless what
# a `with` enters swallows the error that left it; nobody does.
GOES_ON: Final = 0
MAY_GO_ON: Final = 1
ENDS: Final = 2

# Context managers of Python that swallow no error.
LETTING_PASS: Final = frozenset(
    """open fdopen BytesIO StringIO ZipFile GzipFile TarFile BZ2File LZMAFile socket create_connection urlopen scandir Popen
    TemporaryDirectory TemporaryFile NamedTemporaryFile SpooledTemporaryFile ThreadPoolExecutor ProcessPoolExecutor Pool
    ThreadPool Lock RLock Semaphore BoundedSemaphore Condition closing aclosing nullcontext catch_warnings localcontext chdir
    redirect_stdout redirect_stderr timeout timeout_at mmap memoryview""".split()
)


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


def is_stand_in(body: list[ast.stmt]) -> bool:
    """Only `...`, under a docstring perhaps: what belongs there stands somewhere else."""
    match body[-1:]:
        case [ast.Expr(value=ast.Constant(value=last))]:
            return last is ... and is_empty(body)
    return False


def is_leaving(node: ast.expr) -> bool:
    """A call that nothing comes back from: `sys.exit(…)`, `os._exit(…)`, `os.abort()`, `self.skipTest(…)`, `pytest.skip(…)`.
    And `1 / 0`, by which tests raise something.
    """
    match node:
        case ast.BinOp(left=ast.Constant(), op=ast.Div() | ast.FloorDiv() | ast.Mod(), right=ast.Constant(value=0)):
            return True
        case ast.Call(func=ast.Attribute(value=ast.Name(id="sys"), attr="exit")):
            return True
        case ast.Call(func=ast.Attribute(value=ast.Name(id="os"), attr="_exit" | "abort")):
            return True
        case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr="skipTest")):
            return True
        case ast.Call(func=ast.Attribute(value=ast.Name(id="pytest"), attr="skip" | "fail" | "xfail" | "exit")):
            return True
    return False


def keeps_nothing_back(entered: Expression, callee: Expression | None) -> bool:
    """What a `with` enters lets every error pass: a file, a lock, a pool. `callee`: what is called to make it, if any."""
    return last_name(callee or entered) in LETTING_PASS or "lock" in (last_name(entered) or "").lower()
