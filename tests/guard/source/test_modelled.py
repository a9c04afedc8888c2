from tests.guard.programs import program


def libraries(text: str) -> set[str]:
    return {name.partition(".")[0] for name, module in program({"app.py": text}).modules.items() if module.library}


def test_models_of_what_is_imported_are_read_and_of_what_these_import() -> None:
    assert libraries("import arq.connections\n") == {"arq", "redis"}
    assert libraries("import json\n") == set()


def test_a_class_that_nobody_has_is_looked_for_by_its_name() -> None:
    assert libraries("from .lost import AsyncSession\n") >= {"sqlalchemy"}
    assert libraries("from .lost import Session\n") == set()


def test_a_model_of_coroutines_does_not_hold_for_older_code() -> None:
    assert "telegram" not in libraries("from telegram import Update\n\n\ndef start(update): ...\n")
    assert "telegram" in libraries("from telegram import Update\n\n\nasync def start(update): ...\n")
