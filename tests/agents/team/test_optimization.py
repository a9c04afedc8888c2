"""The savings within a run."""

from netra.agents.team.results import OptimizationResult
from netra.events.model import AgentCompleted
from netra.ids import UserId
from netra.runs.journal import entry
from tests.agents.team.company import Company
from tests.agents.team.test_triage import PRICED


async def test_what_could_be_saved_is_no_more_than_what_is_spent(company: Company, alice: UserId) -> None:
    dataset = await company.upload(alice, PRICED)
    answered = await company.ask(alice)
    (result,) = [
        data.result for name, data in map(entry, answered.events) if name == "optimization" and isinstance(data, AgentCompleted)
    ]
    savings = OptimizationResult.model_validate(result).savings
    assert 0 < float(savings.combined.value) <= float(savings.spend.value)
    assert savings.levers
    assert {figure.rows.dataset_id for figure in savings.figures()} == {dataset.id}
    figures = {figure.id: figure for figure in answered.report.figures()}
    assert all(figures[figure.id] == figure for figure in savings.figures())
