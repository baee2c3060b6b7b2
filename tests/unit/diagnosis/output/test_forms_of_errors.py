"""Errors whose form shows that they are errors, whatever the program is; what is beside them."""

from typing import Final

import pytest

from pod_diagnoser.api.reason_classes import ReasonClass as R
from pod_diagnoser.diagnosis.output import read_output

ENDS: Final = (
    (
        "a parser names the place",
        "hub.conf:3: error: unknown keyword 'interfce'",
        (
            "hub.conf:3: error: unknown keyword 'interfce'\n"
            "read hub.conf failed: 1 errors in configuration file\n"
            "[1796011251] hub[25540:0] fatal error: Could not read config file: hub.conf.\n"
        ),
    ),
    (
        "a kind of error, named first",
        "Parse error in file `/etc/hub.conf', line 6 near `': syntax error, unexpected end of file",
        (
            "Parse error in file `/etc/hub.conf', line 6 near `': syntax error, unexpected end of file\n"
            "yyparse returned error #1\n"
            "hub: Cannot read file `/etc/hub.conf'.\n"
            "Error: Parsing the config file failed!\n"
        ),
    ),
    (
        "a note with its time is none",
        "Options error: --ca fails with '/etc/hub/ca.crt': No such file or directory (errno=2)",
        (
            "2026-01-30 04:01:01 Note: --cipher is not set. It must be set if this is not wanted.\n"
            "Options error: --ca fails with '/etc/hub/ca.crt': No such file or directory (errno=2)\n"
            "Options error: Please correct these errors.\n"
            "Use --help for more information.\n"
        ),
    ),
    (
        "what is set in below says what is only announced",
        'main option "foo_bar" unknown',
        (
            "2026-01-30 04:01:01 Hub configuration error in line 2 of /etc/hub.conf:\n"
            '  main option "foo_bar" unknown\n'
        ),
    ),
    (
        "the name of a file says nothing",
        (
            "6b0cf4fd.38157bba 0x7fb7 could not stat config file "
            '"/etc/hub/missing.schema": No such file or directory (2)'
        ),
        (
            "6b0cf4fd.3814e56b 0x7fb7 reading config file hub.conf\n"
            "6b0cf4fd.38154066 0x7fb7 hub.conf: line 1 (include /etc/hub/missing.schema)\n"
            '6b0cf4fd.38157bba 0x7fb7 could not stat config file "/etc/hub/missing.schema":'
            " No such file or directory (2)\n"
            "6b0cf4fd.381a847c 0x7fb7 hub stopped.\n"
        ),
    ),
    (
        "a level after the number of a process",
        "0(25841) CRITICAL: <core> [core/cfg.y:3790]: parse error in config file /etc/hub.cfg, line 3",
        (
            " 0(25841) INFO: <core> [main.c:12]: main(): starting\n"
            " 0(25841) CRITICAL: <core> [core/cfg.y:3790]: parse error in config file /etc/hub.cfg, line 3\n"
            "\nERROR: bad config file (1 errors) (parsing code: 0)\n"
        ),
    ),
    (
        "an error refers to the warnings above it",
        '[warn] Couldn\'t parse address "abc" for HubPort',
        (
            "[notice] Hub 0.4.9 running on Linux.\n"
            '[notice] Read configuration file "/etc/hubrc".\n'
            '[warn] Couldn\'t parse address "abc" for HubPort\n'
            "[warn] Failed to parse/validate config: Invalid HubPort configuration\n"
            "[err] Reading config failed--see warnings above.\n"
        ),
    ),
    (
        "a short form of a level after a viewer's time",
        "[EROR] Failed to ping DB err=dial tcp: lookup db on 10.0.0.2:53: no such host",
        (
            "[2017/11/09 09:07:39 UTC] [INFO] Pinging SQL master database\n"
            "[2017/11/09 09:07:49 UTC] [EROR] Failed to ping DB err=dial tcp: lookup db on 10.0.0.2:53: no such host\n"
        ),
    ),
    (
        "perl warns before it dies",
        'Can\'t call method "connect" on an undefined value at hub.pl line 4.',
        (
            "slow query at hub.pl line 3.\n"
            'Can\'t call method "connect" on an undefined value at hub.pl line 4.\n'
        ),
    ),
    (
        "a headline, and what it is about",
        "Backend host 'hub.invalid' could not be resolved to an IP address:",
        (
            "Could not delete 'boot.17/vgc.sym': No such file or directory\n"
            "Error:\nMessage from the compiler:\n"
            "Backend host 'hub.invalid' could not be resolved to an IP address:\n"
            "\tName or service not known\n"
            "Running the compiler failed, exited with 2\n"
        ),
    ),
)

QUIET: Final = (
    (
        "an interrupt",
        R.ASKED_TO_STOP,
        (
            'time="2024-01-01T00:00:00Z" level=info msg="Got interrupt, shutting down..." prefix=node\n'
            'time="2024-01-01T00:00:00Z" level=error msg="Could not close db" error="database not open"\n'
        ),
    ),
    (
        "advice without a reason",
        R.NOTHING,
        "Checking configuration\nError: Please fix your configuration. Exiting...\n",
    ),
)


@pytest.mark.parametrize(("first", "output"), [end[1:] for end in ENDS], ids=[e[0] for e in ENDS])
def test_first_line(first: str, output: str) -> None:
    """The line that says why is quoted first."""
    assert first in read_output(output).lines[0]


@pytest.mark.parametrize(
    ("reason", "output"), [quiet[1:] for quiet in QUIET], ids=[q[0] for q in QUIET]
)
def test_no_failure(reason: R, output: str) -> None:
    """No cause is told where none is."""
    assert read_output(output).reason_class is reason
