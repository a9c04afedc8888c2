from netra.guard.requests.tools import is_tool
from tests.guard.programs import analysed


def tools(text: str) -> set[str]:
    analysis = analysed(text)
    return {scope.facts.qualified for scope in analysis.scopes if is_tool(analysis, scope)}


def test_what_a_framework_hands_to_a_model_is_a_tool() -> None:
    text = "from langchain_core.tools import tool\n@tool\ndef search(text): ...\ndef other(text): ...\n"
    assert tools(text) == {"search"}


def test_a_class_below_a_tool_is_called_by_one_of_a_few_names() -> None:
    text = """
    class BaseTool: ...
    class Shell(BaseTool):
        def call(self, given): ...
        def describe(self): ...
    class Other:
        def call(self, given): ...
    """
    assert tools(text) == {"Shell.call"}
