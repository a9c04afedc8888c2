from pathlib import Path

from netra.guard.source.naming import module_names


def test_a_folder_without_init_has_a_name_below_the_root_and_src_has_none() -> None:
    root = Path.cwd()
    files = [
        root / "src/app/__init__.py",
        root / "src/app/a.py",
        root / "tools/b.py",
        root / "c.py",
        root / "my-docs/d.py",
        root / "src/app/deep/e/__init__.py",
    ]
    named = module_names(files, [root])
    assert [named[path][0] for path in files] == ["app", "app.a", "tools.b", "c", "d", "app.deep.e"]


def test_what_lies_in_a_folder_of_stubs_is_not_the_library_that_it_tells_of() -> None:
    root = Path.cwd()
    files = [
        root / "mypy-stubs/ruamel/__init__.py",
        root / "mypy-stubs/prov/constants.py",
        root / "typings/yaml/__init__.py",
        root / "typings/toml/a.py",
        root / "app/stubs/__init__.py",
        root / "app/__init__.py",
    ]
    named = module_names(files, [root])
    assert [named[path][0] for path in files] == [
        "mypy-stubs.ruamel",
        "mypy-stubs.prov.constants",
        "typings.yaml",
        "typings.toml.a",
        "app.stubs",
        "app",
    ]


def test_a_package_that_is_called_like_a_library_and_lies_in_a_namespace_has_its_whole_name() -> None:
    root = Path.cwd()
    files = [
        root / "src/index/stores/redis/__init__.py",
        root / "src/index/stores/redis/base.py",
        root / "index/stores/own/__init__.py",
        root / "redis/__init__.py",
    ]
    named = module_names(files, [root])
    assert [named[path][0] for path in files] == ["index.stores.redis", "index.stores.redis.base", "own", "redis"]


def test_a_package_that_is_looked_at_from_within_has_no_name_of_its_own() -> None:
    files = [Path("__init__.py"), Path("a.py"), Path("b/c.py")]
    named = module_names(files, [Path.cwd()])
    assert [each[0] for each in named.values()] == ["", "a", "b.c"]
    around = module_names(files, [Path.cwd().parent])
    here = Path.cwd().name
    assert [each[0] for each in around.values()] == [here, f"{here}.a", f"{here}.b.c"]


def test_folders_behind_one_that_no_import_can_name_are_packages() -> None:
    root = Path.cwd()
    files = [root / "services/mail-out/app/main.py", root / "services/mail-out/src/app/jobs.py"]
    named = module_names(files, [root])
    assert [named[path][0] for path in files] == ["app.main", "services/mail-out/src.app.jobs"]
