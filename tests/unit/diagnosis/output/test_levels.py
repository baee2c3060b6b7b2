"""At which level lines are logged, in the forms that are common."""

import pytest

from pod_diagnoser.diagnosis.output.levels import Level, level_of


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("E0818 13:38:34.308557       1 leaderelection.go:361] Failed", Level.ERROR),
        ("F0818 13:38:34.308557       1 main.go:3] Failed", Level.FATAL),
        ("2021-08-18T13:38:34.314Z\tERROR\tsetup\tmain.go:157\tproblem", Level.ERROR),
        ("2021-08-18T13:38:34.314Z\twarn\tca\trequest failed", Level.WARNING),
        ('time="2024-05-01T10:00:00Z" level=fatal msg="x"', Level.FATAL),
        ("ts=2024-05-01T10:00:00Z caller=main.go:1 level=error err=x", Level.ERROR),
        ('{"level":"error","msg":"x"}', Level.ERROR),
        ('{"level":50,"time":1,"msg":"x"}', Level.ERROR),
        ('{"t":{"$date":"2024-05-01"},"s":"F",  "c":"CONTROL"}', Level.FATAL),
        ('{"@timestamp":"2024-05-01", "log.level":"ERROR", "message":"x"}', Level.ERROR),
        ("2024-05-01 10:00:00,123 ERROR [main] c.e.App - x", Level.ERROR),
        ("2024-05-01 10:00:00.000  WARN 1 --- [main] c.e.App : x", Level.WARNING),
        ("[2024-05-01 10:00:00,000] INFO started (kafka.server.KafkaServer)", Level.INFO),
        ("[2024-05-01 10:00:00 +0000] [7] [ERROR] Exception in worker process", Level.ERROR),
        ("[2024-05-01 10:00:00.766][8][critical][main] [server.cc:114] x", Level.FATAL),
        ("2024/05/01 10:00:00 [emerg] 1#1: host not found", Level.FATAL),
        ("2024-05-01 10:00:00.000 UTC [26] PANIC:  could not locate", Level.FATAL),
        ("2021-02-03 10:00:00.100000 C | etcdmain: x", Level.FATAL),
        ("ERROR:root:x", Level.ERROR),
        ("[error] x", Level.ERROR),
        ("INFO 1 --- [main] x", Level.INFO),
        ("ERROR com.example.App - x", Level.ERROR),
        ("error: x", Level.ERROR),
        ("Traceback (most recent call last):", None),
        ("    at Object.error (/app/error.js:1:2)", None),
        ("java.lang.Error: fatal", None),
        ("GET /error HTTP/1.1", None),
        ("2024-05-01 10:00:00 starting with --log=error.log", None),
        ("errors were not found", None),
        ("", None),
    ],
)
def test_level_of_a_line(line: str, level: Level | None) -> None:
    """Tell the level of a record; what is no record has none."""
    assert level_of(line) is level
