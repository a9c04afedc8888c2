from tests.fixtures.world import Person, World


async def test_the_catalogue_names_each_agent_with_the_schema_of_its_input(world: World, ann: Person) -> None:
    agents = (await ann.get("/api/agents"))["agents"]
    assert [agent["name"] for agent in agents] == sorted(world.parts.agents)
    for agent in agents:
        assert agent["description"]
        assert agent["input_schema"]["type"] == "object"
    demo = next(agent for agent in agents if agent["name"] == "demo")
    assert demo["input_schema"]["properties"]["steps"]["type"] == "integer"


async def test_only_who_is_signed_in_sees_the_catalogue(world: World) -> None:
    assert (await world.client().get("/api/agents")).status_code == 401
