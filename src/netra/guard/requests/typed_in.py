"""What a visitor of a Streamlit app has typed in, or what its session holds: the script runs anew for each of them.

key = st.sidebar.text_input("Key")
st.session_state["key"] = key
"""

from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import BODY, TOP, Expression, last_name
from netra.guard.meaning.expressions import within
from netra.guard.meaning.makers import maker
from netra.guard.program import imported_packages
from netra.guard.symbols import External, FunctionSymbol, VariableSymbol
from netra.guard.values import Step

LIBRARY: Final = "streamlit"
WIDGETS: Final = frozenset(
    """text_input text_area number_input selectbox multiselect radio checkbox toggle slider select_slider date_input time_input
    color_picker file_uploader chat_input pills segmented_control""".split()
)
OF_SESSION: Final = frozenset({"session_state", "query_params"})

# Names and calls between what is typed in and the value.
FURTHEST: Final = 4


def typed_in(analysis: Analysis, value: Expression, scope: FunctionSymbol, depth: int = FURTHEST) -> tuple[Step, ...]:
    """The steps from where a visitor says it down to a value that is made of it; nothing where none does."""
    if LIBRARY not in analysis.program.once(imported_packages) or not depth or value[0] in ("string", "constant", "none"):
        return ()
    for part in within(value, scope):
        if part[0] == "call":
            call = scope.facts.calls[part[1]]
            if last_name(call.callee) in WIDGETS and maker(call.callee, scope, analysis.program) == LIBRARY:
                return (Step(scope.module.path, call.line, "a visitor says it here"),)
        elif part[0] == "attribute" and part[2] in OF_SESSION:
            if analysis.program.evaluate(part, scope) == External(f"{LIBRARY}.{part[2]}"):
                return (Step(scope.module.path, scope.facts.line, f"`{part[2]}` is of one visitor"),)
        elif part[0] == "name" and (found := _named(analysis, part, scope, depth)):
            return found
    return ()


def _named(analysis: Analysis, name: Expression, scope: FunctionSymbol, depth: int) -> tuple[Step, ...]:
    match analysis.program.evaluate(name, scope):
        case VariableSymbol(scope=holder, name=bound) if not holder.module.library:
            for each in holder.assigned.get(bound, ()):
                if each.value != name and (found := typed_in(analysis, each.value, holder, depth - 1)):
                    return found
            number = holder.parameters.get(bound)
            if number is not None and holder.facts.sort not in (TOP, BODY):
                parameter = holder.facts.parameters[number]
                for caller, given in analysis.receivers.parameters.given(holder, parameter, number):
                    if given is not None and (found := typed_in(analysis, given, caller, depth - 1)):
                        return (*found, Step(holder.module.path, parameter.line, f"and is passed as `{bound}`"))
    return ()
