import pytest

from netra.guard.meaning.tasks import task_class
from tests.guard.programs import analysed


@pytest.mark.parametrize(
    ("decorator", "kind"),
    [
        ("@app.task(bind=True, base=MailTask)", "MailTask"),
        ("@shared_task(base=MailTask, bind=True, max_retries=3)", "MailTask"),
        ("@app.task(base=MailTask)", None),
        ("@app.task(bind=True)", None),
        ("@app.command(bind=True, base=MailTask)", None),
    ],
)
def test_the_decorator_of_a_task_names_its_class(decorator: str, kind: str | None) -> None:
    analysis = analysed(f"class MailTask: ...\n{decorator}\ndef send(self): ...\n")
    scope = next(each for each in analysis.scopes if each.name == "send")
    found = task_class(scope, analysis.program)
    assert (found and found.name) == kind
