from collections import deque

from netra.gateway.metering import Meter
from netra.health.metrics import Metrics
from tests.fixtures.world import World


async def test_every_metric_of_the_catalogue_is_fed_by_a_served_netra(world: World) -> None:
    assert world.parts.meter.metrics.unfed() == []


async def test_what_was_measured_is_counted_once_in_seconds() -> None:
    meter = Meter(Metrics("0"))
    waits = deque([1.0, 2.0])
    phases = deque([5.0])
    meter.pour(waits, "netra_queue_wait_seconds")
    meter.pour(phases, "netra_factory_phase_seconds", unit=0.001, phase="agent")
    for _ in range(2):
        page = (await meter.scrape()).decode()
        assert "netra_queue_wait_seconds_count 2.0" in page
        assert "netra_queue_wait_seconds_sum 3.0" in page
        assert 'netra_factory_phase_seconds_sum{phase="agent"} 0.005' in page
    assert not waits
