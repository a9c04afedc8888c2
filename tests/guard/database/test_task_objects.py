from netra.guard.database.task_objects import is_ended_after_a_run, task_objects
from tests.guard.programs import analysed

TASKS = """
    from celery import Celery, Task

    app = Celery("imports")

    class Base(Task):
        session = None

    class Kept(Base):
        def open(self):
            self.session = 1

    class Ended(Base):
        def after_return(self, *args):
            self.session.close()

    @app.task(base=Kept, bind=True)
    def load(self, number): ...

    @app.task
    def plain(number): ...
    """


def test_the_class_that_a_task_is_based_on_has_one_object_and_so_have_those_above_it() -> None:
    found = {kind.name: scope.name for kind, (scope, _) in task_objects(analysed({"example.py": TASKS})).items()}
    assert found == {"Kept": "load", "Base": "load"}


def test_what_a_method_closes_is_ended_after_a_run() -> None:
    analysis = analysed({"example.py": TASKS})
    kinds = {kind.name: kind for module in analysis.modules for kind in module.classes}
    session = ("attribute", ("name", "self"), "session")
    assert is_ended_after_a_run(kinds["Ended"], session)
    assert not is_ended_after_a_run(kinds["Kept"], session)
