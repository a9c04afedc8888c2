"""The team with a language model: it reads the question and words the summary, and the report stays what was measured."""

from pathlib import Path

from netra.agents.linguist import ModelLinguist
from netra.agents.team.supervisor import TEAM, supervise
from netra.datasets.store import Datasets
from netra.db.database import Database
from netra.ids import UserId
from netra.models.language_model import LanguageModel
from tests.agents.surroundings import open_agents
from tests.agents.team.company import Answered, Company
from tests.agents.team.test_triage import PRICED
from tests.fixtures.model_server import model_server
from tests.models.talk import HastyClock, Scripted, recorded, served_by


async def ask(database: Database, folder: Path, user_id: UserId, model: LanguageModel) -> Answered:
    team = [supervise(TEAM)]
    async with open_agents(database, folder, team, linguist=ModelLinguist(), model=model) as world, world.worker():
        company = Company(world, Datasets(database, folder, max_bytes=1_000_000))
        await company.upload(user_id, PRICED)
        return await company.ask(user_id, "Wo bleibt das Geld?")


async def test_a_model_reads_the_question_and_sums_up_what_was_found(database: Database, alice: UserId, tmp_path: Path) -> None:
    model = Scripted(
        {"topics": ["spend", "nonsense"], "dataset": None, "understood_as": "You want to know where the money goes."},
        "Look at the dearest model first. It wastes 77% of all.",
        {"response": ["It wastes a lot."]},
    )
    report = (await ask(database, tmp_path, alice, model.language_model())).report
    assert report.metadata["topics"] == ["spend"]
    assert report.metadata["understood"] == ["You want to know where the money goes."]
    assert report.metadata["words"] == "model"
    assert report.sections[0].content.startswith("Look at the dearest model first. It wastes a lot.\n\nOne sentence of the")
    assert [row[0] for row in await recorded(database, alice)] == ["understand", "summary", "summary corrected"]


async def test_a_model_that_takes_no_key_is_done_without_and_the_report_says_so(
    database: Database, alice: UserId, tmp_path: Path
) -> None:
    async with model_server("locked") as server:
        report = (await ask(database, tmp_path, alice, served_by(server, clock=HastyClock()))).report
    assert report.report_type == "full_analysis"
    assert "does not take the request" in str(report.metadata["understood"])
    assert "does not take the request" in str(report.metadata["words"])
