"""`optimize_prompt`: a prompt without what it can do without, by rules that anybody can read (see `wording`)."""

from collections import Counter
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from netra.datasets.offload import in_thread
from netra.errors import InvalidInput
from netra.events.codec import encode
from netra.protocols.value import objection
from netra.tools.tool import Call, tool
from netra.tools.wording import APPLICABLE, estimate_tokens, improve

LARGEST_PROMPT: Final = 128 * 1024
"""Bytes as JSON: what is left of it fits into one answer, with the findings."""

MOST_FINDINGS: Final = 100
"""That are listed one by one; all are counted."""

ESTIMATOR: Final = (
    "netra-rule-of-thumb: the mean of one token for each 4 characters and 4 tokens for 3 words; letters of scripts without "
    "spaces count one each. No tokenizer is asked, and the error is not known: it differs by model, and is largest for code, "
    "numbers and languages other than English. Compare before with after; do not bill by it."
)


@tool("optimize_prompt", category="analytics", permission="analytics")
async def optimize_prompt(
    call: Call,  # noqa: ARG001 - a prompt is nobody's data but its sender's
    prompt: Annotated[str, Field(min_length=1, max_length=LARGEST_PROMPT, description="The text that a model is given.")],
    keep: Annotated[
        list[Literal["whitespace", "markup", "repetition", "filler"]],
        Field(description="Kinds of changes that are not to be made."),
    ] = [],  # noqa: B006 - read only
) -> dict[str, Any]:
    """Shorten a prompt without changing what it says, and name what else makes it long or keeps it from being cached."""
    if (words := objection(prompt)) is not None:
        raise InvalidInput(f"The prompt {words}.", field="arguments.prompt")
    if len(encode(prompt)) > LARGEST_PROMPT:
        raise InvalidInput(f"The prompt has more than {LARGEST_PROMPT:,} bytes as JSON.", field="arguments.prompt")
    wording = await in_thread(improve, prompt, [kind for kind in APPLICABLE if kind not in keep])
    before, after = estimate_tokens(prompt), estimate_tokens(wording.text)
    return {
        "prompt": wording.text,
        "changed": wording.text != prompt,
        "tokens": {"before": before, "after": after, "saved": before - after, "estimator": ESTIMATOR},
        "findings": wording.findings[:MOST_FINDINGS],
        "findings_by_kind": dict(Counter(finding.kind for finding in wording.findings)),
    }
