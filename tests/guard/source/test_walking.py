import ast
import inspect

from netra.guard.source import collector, walking
from netra.guard.source.walking import walked


def test_everything_comes_in_the_order_in_which_python_walks() -> None:
    for module in (walking, collector):
        tree = ast.parse(inspect.getsource(module))
        assert walked(tree) == list(ast.walk(tree))


def test_a_node_that_lacks_a_field_holds_the_others() -> None:
    name = ast.Name("a", ast.Load())
    assert walked(ast.Return(value=name))[:2][1:] == [name]
    del name.ctx
    assert walked(name) == [name]
