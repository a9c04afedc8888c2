"""Conversations that libraries of language models keep: memories, histories, chats that remember what was said in them."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import Expression, last_name
from netra.guard.meaning.expressions import within
from netra.guard.program import Program
from netra.guard.symbols import FunctionSymbol, VariableSymbol, name_in_library

# Libraries whose classes these are, and the classes.
LIBRARIES: Final = frozenset(
    "langchain langchain_classic langchain_community langchain_core llama_index semantic_kernel strands google vertexai".split()
)
KEEPING: Final = frozenset(
    """ConversationBufferMemory ConversationBufferWindowMemory ConversationSummaryMemory ConversationSummaryBufferMemory
    ConversationTokenBufferMemory ConversationEntityMemory ConversationKGMemory ConversationChain ChatMessageHistory
    InMemoryChatMessageHistory ChatMemoryBuffer ChatSummaryMemoryBuffer SimpleChatEngine ContextChatEngine
    CondenseQuestionChatEngine CondensePlusContextChatEngine ChatHistory ChatHistoryTruncationReducer""".split()
)
# Methods that begin one: `model.start_chat()`, `index.as_chat_engine()`; and what has a `create`: `client.beta.threads`.
BEGINNING: Final = frozenset({"start_chat", "as_chat_engine"})
HOLDERS: Final = frozenset({"chats", "threads", "conversations"})

# How a library is told which conversation it is about.
NAMING: Final = frozenset("thread_id session_id conversation_id chat_id".split())


def conversations_begin(analysis: Analysis) -> bool:
    """Something in the program is called as what begins one."""
    if analysis.calls_of(*KEEPING, *BEGINNING, "from_defaults", "from_llm"):
        return True
    made = (call.callee for _, _, call in analysis.calls_of("create"))
    return any(callee[0] == "attribute" and last_name(callee[1]) in HOLDERS for callee in made)


def begins_conversation(value: Expression, scope: FunctionSymbol, program: Program, depth: int = 0) -> bool:
    """An expression makes an object of a library that remembers what it is told."""
    inner = value[1] if value[0] == "await" else value
    if inner[0] != "call":
        return False
    call = scope.facts.calls[inner[1]]
    callee, name = call.callee, last_name(call.callee) or ""
    if name in KEEPING and name_in_library(program.evaluate(callee, scope)).partition(".")[0] in LIBRARIES:
        return True
    if callee[0] == "attribute":
        if name in BEGINNING or (name == "create" and last_name(callee[1]) in HOLDERS):
            return True
        if name in ("from_defaults", "from_llm") and last_name(callee[1]) in KEEPING:
            return True
    # `ConversationalRetrievalChain(llm=…, memory=memory)`
    memory = dict(call.keywords).get("memory")
    return memory is not None and depth == 0 and _is_memory(memory, scope, program)


def _is_memory(value: Expression, scope: FunctionSymbol, program: Program) -> bool:
    if value[0] == "call":
        return begins_conversation(value, scope, program, 1)
    made = _made(value, scope, program)
    return made is not None and begins_conversation(made[0], made[1], program, 1)


def _made(value: Expression, scope: FunctionSymbol, program: Program) -> tuple[Expression, FunctionSymbol] | None:
    """What a name is given, where it is given something once."""
    if value[0] != "name":
        return None
    match program.lookup(value[1], scope):
        case VariableSymbol(scope=home, name=name) if len(given := home.assigned.get(name) or []) == 1:
            return given[0].value, home
    return None


def fixed_conversation(given: Expression, scope: FunctionSymbol, analysis: Analysis) -> Iterator[tuple[str, str]]:
    """The keys by which a dictionary names a conversation, and the fixed texts: `{"configurable": {"thread_id": "1"}}`."""
    made = _made(given, scope, analysis.program)
    value, home = made if made is not None else (given, scope)
    for part in within(value, home):
        if part[0] == "dict":
            for key, of_key in part[1]:
                if key[0] == "string" and key[1] in NAMING and of_key[0] == "string" and of_key[1]:
                    yield key[1], of_key[1]
