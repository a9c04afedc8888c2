from netra.guard.source.releases import Release, releases, settled, version_in

KNOWN = releases(["v1.0.0", "v1.1.0", "v1.1.2", "1.10", "v1.9.0", "v2.0.0rc1", "latest", "v1"])


def test_versions_are_ordered_as_numbers_and_what_is_no_release_is_left_out() -> None:
    assert [each.tag for each in KNOWN] == ["v1.0.0", "v1.1.0", "v1.1.2", "v1.9.0", "1.10"]


def test_the_version_of_a_project_is_read_where_it_is_stated() -> None:
    assert version_in('[project]\nversion = "1.2.3.dev1"') == (1, 2, 3)
    assert version_in('[tool.poetry]\nversion = "0.4"') == (0, 4, 0)
    assert version_in('[project]\ndynamic = ["version"]') is None
    assert version_in("not toml =") is None


def test_a_release_is_settled_once_a_later_minor_version_is_made() -> None:
    known = [Release((1, 0, 0), "a"), Release((1, 1, 0), "b"), Release((1, 1, 1), "c")]
    assert settled(known, (1, 1, 2)) == known[0]
    assert settled(known, (1, 2, 0)) == known[2]
    assert settled(known[1:], (1, 1, 2)) is None
    assert settled([], (1, 0, 0)) is None


def test_a_version_that_is_out_already_says_nothing_of_the_next() -> None:
    known = [Release((1, 0, 0), "a"), Release((1, 1, 0), "b")]
    assert settled(known, (1, 1, 0)) == known[1]
    assert settled(known, None) == known[1]
