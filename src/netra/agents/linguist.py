"""The server's language model as the agents that ship use it: it reads a question, and says in its own words what was found.

Both go through `ctx.model`, so they are counted, bounded and checked as whatever an agent of one's own asks of it.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from pydantic import BaseModel, Field

from netra.agents.context import Context, Understanding
from netra.agents.report import Report
from netra.errors import NetraError
from netra.models.run_model import ModelNote

SUMMARY: Final = "short"
"""The section that the model words: what stands first, and is told. The others quote their figures one by one."""

READ: Final = """\
Which of the topics does the question ask about, and which of the datasets does it name? Topics, by name: {topics}.
Datasets: {datasets}. Answer with names of these lists alone, and say in one sentence how you understood the question."""

WORD: Final = """\
Sum up this report in at most six sentences: what was found, what stands out, what to do first.
Quote each number exactly as the report shows it, and none that its section "short" does not show."""


class ModelOfNoHelp(NetraError):
    """The language model gave nothing that could be used."""

    code = "model_of_no_help"

    def __init__(self, notes: Sequence[ModelNote]) -> None:
        super().__init__(" ".join(note.text for note in notes))


class QuestionRead(BaseModel):
    """How the model understood a question."""

    topics: list[str] = Field(default_factory=list)
    dataset: str | None = None
    understood_as: str = Field(max_length=500)


class ModelLinguist:
    """See `context.Linguist`. It holds nothing: model, key and user are the run's."""

    async def understand(
        self, ctx: Context, question: str, topics: Mapping[str, str], datasets: Sequence[str]
    ) -> Understanding:
        """Raises `ModelOfNoHelp` when the model does not answer."""
        offered = "; ".join(f"{name} ({meaning})" for name, meaning in topics.items())
        task = READ.format(topics=offered, datasets=", ".join(datasets) or "none")
        reading = await ctx.model.read("understand", question, QuestionRead, task)
        if reading.value is None:
            raise ModelOfNoHelp(reading.notes)
        read = reading.value
        return Understanding(tuple(read.topics), read.dataset, read.understood_as)

    async def word(self, ctx: Context, report: Report) -> Mapping[str, str]:
        """Word the summary, which the user is told as it comes. Raises `ModelOfNoHelp` when the model does not answer."""
        facts = {section.id: {"title": section.title, "content": section.content} for section in report.sections}
        prose = await ctx.model.write("summary", {"sections": facts, "next_steps": report.next_steps}, "", WORD)
        if not prose.by_model:
            raise ModelOfNoHelp(prose.notes)
        return {SUMMARY: "\n\n".join([prose.text, *(note.text for note in prose.notes)])}
