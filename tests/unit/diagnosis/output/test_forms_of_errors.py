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
        "a mark at the start, and what says little",
        '[!] /etc/hub.conf:4: "acept=1": Specified option name is not valid here',
        (
            "[.] Reading configuration from file /etc/hub.conf\n"
            "[ ] No PRNG seeding was required\n"
            '[!] /etc/hub.conf:4: "acept=1": Specified option name is not valid here\n'
            "[!] Configuration failed\n"
            "[ ] Deallocating section [a]\n"
        ),
    ),
    (
        "what failed before what is needed",
        'Password hub1 failed validation: "Password does not match validation regex".',
        (
            "Hub 2.12 onwards requires an initial password for 'admin' user.\n"
            'Password hub1 failed validation: "Password does not match validation regex".\n'
        ),
    ),
    (
        "the last error speaks of several",
        "could not parse expression: 1:14: parse error: unexpected",
        (
            'ts=2026-01-30T04:13:37.813Z level=error msg="loading groups failed"'
            ' err="r.yml: could not parse expression: 1:14: parse error: unexpected \\")\\""\n'
            + "".join(
                f'ts=2026-01-30T04:13:37.81{n}Z level=info msg="Worker {n} stopped"\n'
                for n in range(9)
            )
            + 'ts=2026-01-30T04:13:37.816Z level=error err="error loading hub.yml: one or more errors'
            ' occurred while applying the new configuration"\n'
        ),
    ),
    (
        "a file that could not be parsed, and where above",
        "/etc/hub.xml:2: parser error : Premature end of data in tag hub line 1",
        (
            "/etc/hub.xml:2: parser error : Premature end of data in tag hub line 1\n"
            "\n^\nFATAL: error parsing config file (/etc/hub.xml)\nXML config parsing error\n"
        ),
    ),
    (
        "an exception is only announced",
        "ERROR: open/3: source_sink `'/etc/hub.pl'' does not exist (No such file or directory)",
        (
            "ERROR: /srv/a.pl:1: Initialization goal raised exception:\n"
            "ERROR: open/3: source_sink `'/etc/hub.pl'' does not exist (No such file or directory)\n"
        ),
    ),
    (
        "what a command printed, below its own headline",
        '[E::hts_open_format] Failed to open file "20918.cram" : No such file or directory',
        (
            "ERROR ~ Error executing process > 'merge (1)'\n\nCaused by:\n"
            "  Process `merge (1)` terminated with an error exit status (1)\n\n"
            "Command exit status:\n  1\n\nCommand error:\n"
            '  [E::hts_open_format] Failed to open file "20918.cram" : No such file or directory\n'
            "\nWork dir:\n  /mnt/work\n"
        ),
    ),
    (
        "the message of an error as fields",
        '"message": "listen EADDRINUSE: address already in use 127.0.0.1:8080",',
        (
            "[04:17:04.348] FATAL (9518): startup failed\n    err: {\n"
            '      "type": "Error",\n'
            '      "message": "listen EADDRINUSE: address already in use 127.0.0.1:8080",\n'
            '      "stack":\n'
            "          Error: listen EADDRINUSE: address already in use 127.0.0.1:8080\n"
            "              at Server.setupListenHandle [as _listen2] (node:net:1908:16)\n    }\n"
        ),
    ),
    (
        "a trace that another program relays",
        "hub error: RuntimeError: CUDA unknown error",
        (
            "Launching hub...\n"
            "hub error: Traceback (most recent call last):\n"
            'hub error:   File "/srv/main.py", line 72, in <module>\n'
            "hub error:     import execution\n"
            "hub error: RuntimeError: CUDA unknown error\n"
        ),
    ),
    (
        "the name of an error alone",
        "[hub] HubError: CONNECTION_REFUSED",
        "[hub] HubError: CONNECTION_REFUSED\n",
    ),
    ("a rarer word alone", 'Illegal suboption "bogus"', 'Illegal suboption "bogus"\n'),
    (
        "how to call the program follows",
        "Config is empty.",
        (
            "Config is empty.\nusage: hub [-h] [--version] [configfile]\n\n"
            "positional arguments:\n  configfile         The configuration may also be read from the\n"
            "                     HUB_CONFIGURATION environment variable\n\noptions:\n"
            "  -h, --help         show this help message and exit\n  --version          show the version\n"
        ),
    ),
    (
        "an error below the usage text",
        "There was an exception (HubError) importing your module.",
        (
            "Usage:\n\n    hub [OPTS] MODULE\n\nOptions:\n\n    --help\n        Show an error of an option.\n"
            + "".join(f"    --option-{n}=INT\n        The value passed on.\n" for n in range(9))
            + "\nThere was an exception (HubError) importing your module.\n\nIt had no arguments.\n"
        ),
    ),
    (
        "supervisord cannot start a program",
        "INFO spawnerr: can't find command '/opt/hub'",
        (
            "2026-01-30 04:24:15,350 INFO supervisord started with pid 1\n"
            "2026-01-30 04:24:16,352 INFO spawnerr: can't find command '/opt/hub'\n"
            "2026-01-30 04:24:17,353 INFO spawnerr: can't find command '/opt/hub'\n"
            "2026-01-30 04:24:22,379 INFO gave up: hub entered FATAL state, too many start retries too quickly\n"
        ),
    ),
    (
        "an exception without a message after a record that says why",
        "error=111 (Connection refused)",
        (
            "ERROR:hub.adapters.utils:Socket failed to connect: <socket fd=6>; error=111 (Connection refused)\n"
            "ERROR:hub.adapters.blocking:Error in _create().\n"
            'Traceback (most recent call last):\n  File "/srv/a.py", line 3, in <module>\n    connect()\n'
            "hub.exceptions.ConnectionFailedError\n"
        ),
    ),
    (
        "an exception that announces the one it comes from",
        "RuntimeError: warehouse quota exceeded",
        (
            'Traceback (most recent call last):\n  File "/srv/a.py", line 3, in <module>\n    run()\n'
            'hub.errors.StepError: Error occurred while executing op "a":\n\n'
            "During handling of the above exception, another exception occurred:\n\n"
            'Traceback (most recent call last):\n  File "/srv/a.py", line 1, in run\n    go()\n'
            "RuntimeError: warehouse quota exceeded\n"
        ),
    ),
    (
        "a message of several lines that perl ends with the place",
        "install_driver(Pg) failed: Can't locate DBD/Pg.pm in @INC",
        (
            "install_driver(Pg) failed: Can't locate DBD/Pg.pm in @INC (you may need to install it)"
            " at (eval 4) line 3.\nPerhaps the module hasn't been fully installed.\n at -e line 1.\n"
        ),
    ),
    (
        "a program names itself in its last words",
        "hub: invalid HUB_WORKERS: number too large to fit in target type",
        (
            "[2026-01-01T00:00:00Z INFO  hub] up\n"
            "[2026-01-01T00:00:00Z ERROR hub] listener: Address already in use (os error 98)\n"
            "hub: invalid HUB_WORKERS: number too large to fit in target type\n"
        ),
    ),
    (
        "each announces the next",
        "[UNRESOLVED_ENTRY] Cannot resolve entry module hub/index.html.",
        (
            "error during build:\nBuild failed with 1 error:\n\n"
            "[UNRESOLVED_ENTRY] Cannot resolve entry module hub/index.html.\n"
        ),
    ),
    (
        "a program stops itself of an error",
        '"msg":"problem running manager","error":"timed out"',
        (
            '{"level":"error","ts":1701345537.99,"msg":"failed to get informer from cache","error":"the server could not find it"}\n'
            '{"level":"info","ts":1701345637.97,"msg":"Stopping and waiting for leader election runnables"}\n'
            '{"level":"info","ts":1701345637.97,"msg":"Shutdown signal received, waiting for all workers to finish"}\n'
            '{"level":"error","ts":1701345637.97,"logger":"setup","msg":"problem running manager","error":"timed out"}\n'
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
        "a setting is not set in a record",
        R.ASKED_TO_STOP,
        (
            "[26038] 2026/01/30 04:01:21.759326 [INF]   Version:  2.9.10\n"
            "[26038] 2026/01/30 04:01:21.759328 [INF]   Git:      [not set]\n"
            "[26038] 2026/01/30 04:01:25.723000 [INF] Initiating Shutdown...\n"
            "[26038] 2026/01/30 04:01:25.723136 [INF] Server Exiting..\n"
        ),
    ),
    ("a shell's trap", R.ASKED_TO_STOP, "ready\nTerminated\ngot TERM, bye\n"),
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
