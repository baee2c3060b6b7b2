"""Reports for the tests of the HTML page, some of them hostile."""

from dataclasses import replace
from typing import Any

from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.cli.collector import take_snapshot
from pod_diagnoser.cli.engine import diagnose_snapshot
from pod_diagnoser.cli.report import OwnWords, Report
from pod_diagnoser.cli.snapshot import Missing, Snapshot
from pod_diagnoser.diagnosis.common_factors import CommonFactor, Factor
from tests.support.builders import after, container, crashed, diagnoser, pod, terminated

HOSTILE = (
    "<script>document.title='run'</script>",
    "<img src='http://127.0.0.1:9/a' onerror=\"document.title='run'\">",
    "</pre></main><h1>forged</h1>",
    '"><svg onload=alert(1)>',
    "]]>--><style>*{display:none}</style>",
    "\x1b[31m\u202eevil",
)
"""What a container may have written."""


def snapshot() -> Snapshot:
    """Return two workloads with crashes, a healthy Pod, and a PodDiagnoser that withholds."""
    owner = {"kind": "StatefulSet", "name": "db<b>", "uid": "u", "controller": True}
    waits = {"waiting": {"reason": "CrashLoopBackOff"}}
    broken = [
        pod(
            {**container("db", terminated(after(60 * number), code=3)), "state": waits},
            name=f"db-{number}",
            number=number + 10,
            ownerReferences=[owner],
        )
        for number in range(3)
    ]
    withheld = {"reason": "DryRun", "message": HOSTILE[0], "crashes": 2, "examples": ["db-1"]}
    items: list[Any] = [
        *broken,
        crashed(),
        pod(container(), name="ok", number=99),
        diagnoser(status={"withheld": [withheld]}),
    ]
    return take_snapshot(items)


def report() -> Report:
    """Return the report of it, in which every text that may come from outside is hostile."""
    found = diagnose_snapshot(snapshot(), after(600))
    words = OwnWords(HOSTILE, ReasonClass.UNCAUGHT_EXCEPTION, "python", "log")
    pods = [
        replace(
            each,
            findings=[replace(one, words=words) for one in each.findings],
            changes=HOSTILE,
            remediation=HOSTILE,
        )
        for each in found.pods
    ]
    missing = (Missing(HOSTILE[0], HOSTILE[1], HOSTILE[2]),)
    common = CommonFactor(Factor.NODE, " ".join(HOSTILE), first=after(), pods=3)
    return replace(found, pods=pods, common_factor=common, missing=missing, unreadable=3)
