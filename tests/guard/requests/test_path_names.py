"""`netra.guard.requests.path_names`: names in the paths of routes that no handler takes."""

from netra.guard.requests.path_names import untaken_names
from tests.guard.programs import analysed


def untaken(text: str) -> set[str]:
    return {f"{each.handler.name} {each.name} {each.asked}".strip() for each in untaken_names(analysed(text))}


def test_dependencies_of_dependencies_take_names_as_well() -> None:
    found = untaken(
        """
        from fastapi import APIRouter, Depends
        router = APIRouter()

        def team(team_id: int): ...
        def member(team=Depends(team)): ...

        @router.get("/{team_id}")
        def a(member=Depends(member)): ...
        @router.get("/{other}")
        def b(size: int, member=Depends(member)): ...
        """
    )
    assert found == {"b other size"}


def test_a_dependency_that_is_not_known_may_take_any_name() -> None:
    assert not untaken(
        """
        from elsewhere import current
        from fastapi import APIRouter, Depends
        router = APIRouter()

        @router.get("/{user_id}")
        def a(size: int, user=Depends(current)): ...
        """
    )


def test_a_router_gives_its_dependencies_to_all_its_routes() -> None:
    assert not untaken(
        """
        from fastapi import APIRouter, Depends

        def team(team_id: int): ...
        router = APIRouter(dependencies=[Depends(team)])

        @router.get("/{team_id}")
        def a(size: int): ...
        """
    )
