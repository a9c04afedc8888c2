from netra.guard.older import of_python_2
from tests.guard.programs import analysed


def test_a_program_is_as_old_as_its_oldest_statement() -> None:
    files = {
        "panel/__init__.py": "",
        "panel/files.py": "import os\nos.chmod('a', 0755)\n",
        "panel/units.py": "try:\n    import dbus\nexcept ImportError:\n    dbus = None\n",
        "shop/__init__.py": "",
        "shop/broken.py": "def (:\n",
    }
    assert of_python_2(analysed(files)) == {"panel"}
