"""How often the page of metrics is made, however often it is asked for."""

from unittest.mock import Mock

from prometheus_client import CollectorRegistry, Counter

from pod_diagnoser.server.endpoints import PAGES_A_SECOND, MetricsPage


def test_a_page_is_made_a_few_times_a_second() -> None:
    """Anyone may ask; beyond that they get the one that was made last."""
    registry = CollectorRegistry()
    counter = Counter("asked", "How often.", registry=registry)
    now = 100.0
    page = MetricsPage(Mock(registry=registry), lambda: now)

    def shown() -> str:
        counter.inc()
        return page().get_data(as_text=True).splitlines()[2]

    for number in range(1, PAGES_A_SECOND + 1):
        assert shown() == f"asked_total {number}.0"
    assert shown() == f"asked_total {PAGES_A_SECOND}.0"
    now += 0.9
    assert shown() == f"asked_total {PAGES_A_SECOND}.0"
    now += 0.1
    assert shown() == f"asked_total {PAGES_A_SECOND + 3}.0"
