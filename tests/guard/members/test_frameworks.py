"""`netra.guard.members.frameworks`: what is asked of a request that only another framework's has."""

import pytest

from netra.guard.members.frameworks import strange_members
from tests.guard.programs import analysed


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("request.remote", ["remote"]),
        ("request.remote_addr", []),
        ("request.tenant", []),
        ("request.query_params, request.query_params", ["query_params"]),
        ("other.query_params", []),
    ],
)
def test_a_name_of_another_framework_is_strange(asked: str, names: list[str]) -> None:
    text = f"""
        from flask import request
        def view(other):
            return {asked}
        """
    assert [each.expression[2] for each in strange_members(analysed(text))] == names
