"""What the benchmarks recognise of a PodDiagnoser's status."""

import json

import pytest

from dev.benchmarks.site import count_of
from dev.envtest.client import Json


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({}, []),
        ({"diagnosedPods": 0}, [0]),
        ({"diagnosedPods": 1000, "lastProcessedPod": "web"}, [1000]),
        ({"recentDiagnoses": [{"diagnosis": '"diagnosedPods":7'}], "diagnosedPods": 8}, [8]),
    ],
)
def test_the_count_of_a_status_is_observed(status: Json, expected: list[int]) -> None:
    """By its key, and not by a mention in a value or in managedFields."""
    fields: list[Json] = [{"fieldsV1": {"f:status": {"f:diagnosedPods": {}}}}]
    document = {
        "type": "MODIFIED",
        "object": {"metadata": {"managedFields": fields}, "status": status},
    }
    line = json.dumps(document, separators=(",", ":")).encode()
    assert list(count_of(line)) == expected
