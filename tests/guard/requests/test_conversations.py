"""Conversations that libraries keep, and what names one."""

import pytest

from netra.guard.requests.conversations import begins_conversation, fixed_conversation
from tests.guard.programs import analysed, function

TEXT = """
from langchain.memory import ConversationBufferMemory
from langchain.chains import ConversationChain
from own import ChatHistory
memory = ConversationBufferMemory()
FIXED = {{"configurable": {{"thread_id": "1"}}}}
def made(model, index, client, thread):
    return {value}
"""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ConversationBufferMemory()", True),
        ("ConversationChain(llm=model)", True),
        ("Chain(llm=model, memory=memory)", True),
        ("Chain(llm=model, memory=ConversationBufferMemory())", True),
        ("Chain(llm=model, memory=None)", False),
        ("ChatHistory()", False),
        ("model.start_chat(history=[])", True),
        ("await client.beta.threads.create()", True),
        ("client.beta.assistants.create()", False),
        ("ChatMemoryBuffer.from_defaults(token_limit=9)", True),
        ("model", False),
    ],
)
def test_what_remembers_what_it_is_told(value: str, expected: bool) -> None:
    analysis = analysed(TEXT.format(value=value))
    scope = function(analysis.program, "example.made")
    assert begins_conversation(scope.facts.returned[0].value, scope, analysis.program) is expected


@pytest.mark.parametrize(
    ("value", "fixed"),
    [
        ("FIXED", [("thread_id", "1")]),
        ('{"configurable": {"thread_id": "2"}}', [("thread_id", "2")]),
        ('{"configurable": {"thread_id": thread}}', []),
        ('{"recursion_limit": "3"}', []),
    ],
)
def test_a_conversation_is_named_by_a_text_that_the_code_fixes(value: str, fixed: list[tuple[str, str]]) -> None:
    analysis = analysed(TEXT.format(value=value))
    scope = function(analysis.program, "example.made")
    assert [*fixed_conversation(scope.facts.returned[0].value, scope, analysis)] == fixed
