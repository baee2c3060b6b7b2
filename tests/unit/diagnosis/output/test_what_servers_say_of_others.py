"""What a server says of its clients and requests is not why it ended; nor is what was long before."""

from typing import Final

import pytest

from pod_diagnoser.api.reason_classes import ReasonClass as R
from pod_diagnoser.diagnosis.output import read_output

_READY: Final = (
    "2024-03-01 08:00:00.010 UTC [1] LOG:  database system is ready to accept connections\n"
)
_LOGIN: Final = (
    '2024-03-01 08:05:00.010 UTC [{pid}] FATAL:  password authentication failed for user "till"\n'
    '2024-03-01 08:05:00.010 UTC [{pid}] DETAIL:  Role "till" does not exist.\n'
)
_FAILS: Final = (
    '  File "/srv/web.py", line 7, in view\n    raise ValueError("odd")\nValueError: odd\n'
)

CASES: Final = (
    ("logins that a server refused", R.NOTHING, "", _READY + _LOGIN.format(pid=40)),
    (
        "a statement that failed, then a request to stop",
        R.ASKED_TO_STOP,
        "2024-03-01 08:20:00.010 UTC [1] LOG:  received fast shutdown request",
        _READY
        + '2024-03-01 08:19:59.010 UTC [47] ERROR:  relation "till" does not exist at character 9\n'
        + "2024-03-01 08:20:00.010 UTC [1] LOG:  received fast shutdown request\n"
        + "2024-03-01 08:20:00.020 UTC [30] LOG:  shutting down\n",
    ),
    (
        "without a server that works, a refused login is all there is",
        R.AUTHENTICATION_FAILED,
        '2024-03-01 08:05:00.010 UTC [40] FATAL:  password authentication failed for user "till"',
        _LOGIN.format(pid=40),
    ),
    (
        "a client of NATS",
        R.NOTHING,
        "",
        (
            "[1] 2024/03/01 08:00:00.000001 [INF] Server is ready\n"
            '[1] 2024/03/01 08:01:00.000001 [ERR] 10.9.0.3:40100 - cid:5 - authentication error - User "till"\n'
        ),
    ),
    (
        "a client of RabbitMQ",
        R.NOTHING,
        "",
        (
            "2024-03-01 08:00:00.001 [info] <0.220.0> Server startup complete; 2 plugins started.\n"
            "2024-03-01 08:01:00.001 [error] <0.870.0> Error on AMQP connection <0.870.0> (10.9.0.3:40100 -> 10.9.0.2:5672):\n"
            "PLAIN login refused: user 'till' - invalid credentials\n"
        ),
    ),
    (
        "a task that failed, long before a request to stop",
        R.ASKED_TO_STOP,
        "worker: Warm shutdown (MainProcess)",
        (
            "[2024-03-01 08:00:00,001: INFO/MainProcess] celery@till ready.\n"
            "[2024-03-01 08:10:00,001: ERROR/ForkPoolWorker-1] Task till.count[1a2b] raised unexpected: ValueError('odd')\n"
            f"Traceback (most recent call last):\n{_FAILS}"
            "[2024-03-01 09:10:00,001: INFO/ForkPoolWorker-1] Task till.count[1a2c] succeeded in 0.1s: None\n"
            "\nworker: Warm shutdown (MainProcess)\n"
        ),
    ),
    (
        "a request that failed is told where nothing else is",
        R.UNCAUGHT_EXCEPTION,
        "ValueError: odd",
        f"ERROR:    Exception in ASGI application\nTraceback (most recent call last):\n{_FAILS}",
    ),
    (
        "an error an hour before a request to stop",
        R.ASKED_TO_STOP,
        "==> till: shutdown triggered",
        (
            "2024-03-01T08:00:00.100Z [INFO]  core: unsealed\n"
            '2024-03-01T08:30:00.100Z [ERROR] core: failed to run tune: error="no route"\n'
            "==> till: shutdown triggered\n"
            "2024-03-01T09:30:00.100Z [INFO]  core: sealed\n"
            "2024-03-01T09:30:00.200Z [INFO]  core: stopping listeners\n"
        ),
    ),
    (
        "an error right before a request to stop",
        R.FILE_NOT_FOUND,
        "[ERROR] core: open /till/seal.key: no such file or directory",
        (
            "2024-03-01T08:00:00.100Z [INFO]  core: unsealed\n"
            "2024-03-01T08:30:00.100Z [ERROR] core: open /till/seal.key: no such file or directory\n"
            "==> till: shutdown triggered\n"
            "2024-03-01T08:30:00.200Z [INFO]  core: sealed\n"
            "2024-03-01T08:30:00.300Z [INFO]  core: stopping listeners\n"
        ),
    ),
    (
        "a record whose text goes on with Error is no headline of a trace",
        R.FILE_NOT_FOUND,
        'time="2024-03-01T08:00:01Z" level=fatal msg="Error starting till: check failed, please see to it that the till is mounted and that the drawer can be opened by its user: failed to open: open /till: no such file\\n: exit status 2"',
        (
            'time="2024-03-01T08:00:00Z" level=error msg="check failed, see the manual"\n'
            'time="2024-03-01T08:00:01Z" level=fatal msg="Error starting till: check failed, please see to it that the till is mounted and that the drawer can be opened by its user: failed to open: open /till: no such file\\n: exit status 2"\n'
        ),
    ),
    (
        "a helper's exception below the root that was raised on purpose",
        R.DEPENDENCY_UNREACHABLE,
        "ConnectionRefusedError: [Errno 111] Connection refused",
        (
            "Traceback (most recent call last):\n"
            '  File "/srv/lib/promise.py", line 3, in call\n    return self.__value__\n'
            "AttributeError: 'Promise' object has no attribute '__value__'\n"
            "\nDuring handling of the above exception, another exception occurred:\n\n"
            "Traceback (most recent call last):\n"
            '  File "/srv/lib/net.py", line 9, in dial\n    sock.connect(where)\n'
            "ConnectionRefusedError: [Errno 111] Connection refused\n"
            "\nThe above exception was the direct cause of the following exception:\n\n"
            "Traceback (most recent call last):\n"
            '  File "/srv/till.py", line 2, in <module>\n    send()\n'
            "lib.errors.SendError: gave up\n"
        ),
    ),
    (
        "a thread that could not start is why there is no memory",
        R.RESOURCE_LIMIT,
        '[0.006s][warning][os,thread] Failed to start thread "GC Thread#0" - pthread_create failed (EPERM) for attributes: stacksize: 1024k.',
        (
            '[0.006s][warning][os,thread] Failed to start thread "GC Thread#0" - pthread_create failed (EPERM) for attributes: stacksize: 1024k.\n'
            "#\n# There is insufficient memory for the Java Runtime Environment to continue.\n"
            "# Cannot create worker GC thread. Out of system resources.\n"
        ),
    ),
    (
        "a wait that was given up",
        R.DEPENDENCY_UNREACHABLE,
        "wait-for-it.sh: timeout occurred after waiting 20 seconds for till-db:5432",
        (
            "wait-for-it.sh: waiting 20 seconds for till-db:5432\n"
            "wait-for-it.sh: timeout occurred after waiting 20 seconds for till-db:5432\n"
        ),
    ),
)


@pytest.mark.parametrize(
    ("reason_class", "first", "output"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_is_no_reason(reason_class: R, first: str, output: str) -> None:
    """Tell of the end of the server itself, or that it is not told."""
    reading = read_output(output)
    assert reading.reason_class == reason_class
    assert reading.lines[:1] == ((first,) if first else ())


def test_logs_explorer() -> None:
    """What Google Cloud puts before each line is not the program's."""
    before = "INFO 2024-03-01T08:00:00.203433912Z [resource.labels.containerName: till] "
    said = "1:M 01 Mar 2024 08:00:00.203 # Can't handle RDB format version 11"
    output = f"{before}1:M 01 Mar 2024 08:00:00.201 # Server initialized\n{before}{said}\n"
    reading = read_output(output)
    assert (reading.lines, reading.reason_class) == ((said,), R.VERSION_MISMATCH)
