"""Ends that programs tell in a way of their own: what is quoted, its class; what is none."""

from typing import Final

import pytest

from pod_diagnoser.api.reason_classes import ReasonClass as R
from pod_diagnoser.diagnosis.output import read_output
from pod_diagnoser.diagnosis.output.classes import classify

_FRAMES: Final = "".join(
    f'  File "/srv/lib/engine.py", line {n}, in run\n    go()\n' for n in range(12)
)

ENDS: Final = (
    (
        "a scheduler stops its children after its own error",
        R.SCHEMA_MIGRATION,
        'psycopg.errors.UndefinedTable: relation "job" does not exist',
        (
            "[2024-01-01T00:00:00.000+0000] {job.py:714} INFO - Starting the planner\n"
            "[2024-01-01T00:00:01.000+0000] {job.py:768} ERROR - Exception when executing Planner.loop\n"
            f"Traceback (most recent call last):\n{_FRAMES}"
            'psycopg.errors.UndefinedTable: relation "job" does not exist\n'
            "[2024-01-01T00:00:02.000+0000] {process.py:129} INFO - Sending Signals.SIGTERM to group 17.\n"
            "[2024-01-01T00:00:03.000+0000] {job.py:780} INFO - Exited loop\n"
        ),
    ),
    (
        "a supervisor says by which signal its child died",
        R.NATIVE_CRASH,
        "[10:00:02] INFO: Hub process received signal 11",
        (
            "[10:00:00] INFO: Hub starting\n"
            "[10:00:02] INFO: Hub process exit code 256\n"
            "[10:00:02] INFO: Hub process received signal 11\n"
            "s6-rc: info: service hub: stopping\n"
        ),
    ),
    (
        "what goes on without it is not the end",
        R.PERMISSION_DENIED,
        "Error opening the store: open /data/store.db: permission denied",
        (
            "Couldn't lock the memory. Disabling swap protection, add IPC_LOCK to have it\n"
            "Error opening the store: open /data/store.db: permission denied\n"
        ),
    ),
    (
        "advice alone",
        R.MISSING_CONFIGURATION,
        "==> More than one address found. Please configure one with 'listen'.",
        (
            "==> Looking for an interface\n"
            "==> More than one address found. Please configure one with 'listen'.\n"
        ),
    ),
    (
        "mysql only warns of what its errors follow from",
        R.PERMISSION_DENIED,
        "0 [Warning] [MY-010001] [Server] Can't create thread (errno: 1)",
        (
            "2024-01-01T00:00:00.000001Z 0 [System] [MY-013169] [Server] mysqld starting\n"
            "2024-01-01T00:00:00.000002Z 0 [Warning] [MY-010001] [Server] Can't create thread (errno: 1)\n"
            "2024-01-01T00:00:00.000003Z 0 [ERROR] [MY-010020] [Server] Data Dictionary initialization failed.\n"
            "2024-01-01T00:00:00.000004Z 0 [ERROR] [MY-010119] [Server] Aborting\n"
        ),
    ),
    (
        "keycloak prints the chain of its causes",
        R.AUTHENTICATION_FAILED,
        (
            "2024-01-01 00:00:02,003 ERROR [org.keycloak.quarkus.runtime.cli.ExecutionExceptionHandler] (main)"
            ' ERROR: FATAL: password authentication failed for user "id"'
        ),
        (
            "2024-01-01 00:00:00,000 INFO  [io.quarkus] (main) starting\n"
            "2024-01-01 00:00:02,001 ERROR [org.keycloak.quarkus.runtime.cli.ExecutionExceptionHandler] (main)"
            " ERROR: Failed to start server in (production) mode\n"
            "2024-01-01 00:00:02,002 ERROR [org.keycloak.quarkus.runtime.cli.ExecutionExceptionHandler] (main)"
            " ERROR: Failed to obtain JDBC connection\n"
            "2024-01-01 00:00:02,003 ERROR [org.keycloak.quarkus.runtime.cli.ExecutionExceptionHandler] (main)"
            ' ERROR: FATAL: password authentication failed for user "id"\n'
            "2024-01-01 00:00:02,004 ERROR [org.keycloak.quarkus.runtime.cli.ExecutionExceptionHandler] (main)"
            " For more details run the same command passing the '--verbose' option.\n"
        ),
    ),
    (
        "terms that were not accepted",
        R.MISSING_CONFIGURATION,
        "[10:00:01] [Main/INFO]: You need to agree to the terms in order to run. See terms.txt for more info.",
        (
            "[10:00:00] [Main/ERROR]: Failed to load settings from file: hub.properties\n"
            "[10:00:01] [Main/INFO]: You need to agree to the terms in order to run. See terms.txt for more info.\n"
        ),
    ),
    (
        "httpd that finds its own pid",
        R.LOCK_HELD,
        "httpd (pid 7) already running",
        (
            "AH00558: httpd: Could not reliably determine the server's fully qualified domain name\n"
            "httpd (pid 7) already running\n"
        ),
    ),
    (
        "a library for GPUs aborts",
        R.NATIVE_CRASH,
        "CUDA error: unspecified launch",
        (
            'time=2024-01-01T00:00:00.000Z level=INFO source=server.go:12 msg="runner started"\n'
            "CUDA error: unspecified launch\n"
            "  current device: 0, in function compute at /src/ggml-cuda.cu:2672\n"
            "SIGABRT: abort\nPC=0x7f m=4 sigcode=18446744073709551610\n"
        ),
    ),
    (
        "a date with dots",
        R.PERMISSION_DENIED,
        (
            "2024.01.01 00:00:00.000000 [ 28 ] {} <Error> Application: DB::Exception: Effective user of"
            " the process (uid 7) does not match the owner of the data (root)."
        ),
        (
            "Logging trace to /var/log/db/db.log\nLogging errors to /var/log/db/db.err.log\n"
            "2024.01.01 00:00:00.000000 [ 28 ] {} <Error> Application: DB::Exception: Effective user of"
            " the process (uid 7) does not match the owner of the data (root).\n"
            "2024.01.01 00:00:00.100000 [ 28 ] {} <Information> Application: shutting down\n"
        ),
    ),
    (
        "an overlay's first fatal line",
        R.FILE_NOT_FOUND,
        "s6-rc-compile: fatal: unable to read /etc/s6-overlay/hub/type: No such file or directory",
        (
            "s6-rc-compile: fatal: unable to read /etc/s6-overlay/hub/type: No such file or directory\n"
            "s6-rc: fatal: unable to take locks: No such file or directory\n"
        ),
    ),
    (
        "advice how to see more is no reason",
        R.LOCK_HELD,
        "Hub is already running (pid:7).",
        "Hub is already running (pid:7).\nRun with '--verbose' for a more detailed error message.\n",
    ),
    (
        "a program refuses",
        R.INVALID_CONFIGURATION,
        "Refusing to start due to a weak key",
        "A weak key was detected, use a strong one.\nRefusing to start due to a weak key\n",
    ),
    (
        "Lua in nginx",
        R.SCHEMA_MIGRATION,
        "2024/01/01 00:00:01 [error] 1#0: init_by_lua error: /usr/share/lua/hub/init.lua:5: database needs bootstrapping",
        (
            "2024/01/01 00:00:01 [error] 1#0: init_by_lua error: /usr/share/lua/hub/init.lua:5: database needs bootstrapping\n"
            "stack traceback:\n\t[C]: in function 'error'\n\tinit_by_lua:3: in main chunk\n"
        ),
    ),
    (
        "what an injector lists",
        R.INVALID_CONFIGURATION,
        "1) Error: Configuration property 'hub.siz' was not used",
        (
            "2024-01-01T00:00:02.500Z\tERROR\tmain\tio.example.Server\tConfiguration is invalid\n"
            "==========\n\nErrors:\n\n1) Error: Configuration property 'hub.siz' was not used\n\n1 error\n"
        ),
    ),
    (
        "the exit of JRuby only follows",
        R.INVALID_CONFIGURATION,
        '[2024-01-01T00:00:02,500][ERROR][logstash.agent ] Failed to execute action {:exception=>"LogStash::ConfigurationError"}',
        (
            "[2024-01-01T00:00:00,100][INFO ][logstash.runner ] Starting\n"
            '[2024-01-01T00:00:02,500][ERROR][logstash.agent ] Failed to execute action {:exception=>"LogStash::ConfigurationError"}\n'
            "[2024-01-01T00:00:02,600][INFO ][logstash.runner ] Logstash shut down.\n"
            "[2024-01-01T00:00:02,610][FATAL][org.logstash.Logstash ] Logstash stopped processing because of an error: (SystemExit) exit\n"
            "org.jruby.exceptions.SystemExit: (SystemExit) exit\n"
            "\tat org.jruby.RubyKernel.exit(org/jruby/RubyKernel.java:790) ~[jruby.jar:?]\n"
        ),
    ),
    (
        "headlines that tell nothing",
        R.INVALID_CONFIGURATION,
        "Backend is malformed",
        "Error:\nMessage from the compiler:\nBackend is malformed\n",
    ),
    (
        "dart says it on the next line",
        R.DEPENDENCY_UNREACHABLE,
        "SocketException: Connection refused, address = hub, port = 7",
        "Unhandled exception:\nSocketException: Connection refused, address = hub, port = 7\n#0  main (file:///hub.dart:1)\n",
    ),
    (
        "r says a long message on the next line",
        R.MISSING_MODULE,
        "there is no package called 'hub'",
        "Error in library(hub) : \n  there is no package called 'hub'\nCalls: source -> library\nExecution halted\n",
    ),
    (
        "a headline above a backtrace",
        R.DATA_CORRUPT,
        "2024-01-01T00:00:00.201Z ERROR hub::startup: Panic occurred in file mod.rs at line 2: Corruption: block checksum mismatch",
        (
            "2024-01-01T00:00:00.200Z ERROR hub::startup: Panic backtrace: \n   0: hub::hook\n   1: alloc::call\n"
            "2024-01-01T00:00:00.201Z ERROR hub::startup: Panic occurred in file mod.rs at line 2: Corruption: block checksum mismatch\n"
        ),
    ),
)

QUIET: Final = (
    (
        "a proxy takes its leave",
        R.ASKED_TO_STOP,
        (
            'time="2024-01-01T00:00:00Z" level=info msg="Configuration loaded"\n'
            'time="2024-01-01T00:10:00Z" level=info msg="Stopping server gracefully"\n'
            'time="2024-01-01T00:10:00Z" level=error msg="accept tcp [::]:80: use of closed network connection"\n'
        ),
    ),
    (
        "a shutdown is triggered",
        R.ASKED_TO_STOP,
        "2024-01-01T00:00:00Z [INFO]  core: unsealed\n==> Hub shutdown triggered\n",
    ),
    (
        "haproxy's master is asked",
        R.ASKED_TO_STOP,
        (
            "[NOTICE]   (1) : Loading success.\n[WARNING]  (1) : Exiting Master process...\n"
            "[ALERT]    (1) : Current worker (7) exited with code 143 (Terminated)\n"
            "[WARNING]  (1) : All workers exited. Exiting... (143)\n"
        ),
    ),
    (
        "pm2 only says that it gave up",
        R.NOTHING,
        (
            "2024-01-01T00:00:00: PM2 log: App [hub:0] online\n"
            "2024-01-01T00:00:02: PM2 log: Script /srv/hub.js had too many unstable restarts (16)."
            ' Stopped. "errored"\n'
            "2024-01-01T00:00:03: PM2 error: app=hub id=0 does not have a pid\n"
        ),
    ),
    (
        "levels of loggers are settings",
        R.NOTHING,
        'Starting hub on 0.0.0.0:80\n-- LOG=Some("hub=debug,error=debug,store=debug")\n',
    ),
)

MEANINGS: Final = (
    ("hub.swift:14: Fatal error: HUB_HOST not set", R.MISSING_CONFIGURATION),
    ("schema version compatibility check failed: version mismatch", R.SCHEMA_MIGRATION),
    ("can't run as root without -u", R.PERMISSION_DENIED),
    ("hub.db is not an LMDB file. Restore from backup!", R.DATA_CORRUPT),
    ("The file is locked: nio:/hub.mv.db", R.LOCK_HELD),
    ("unable to open the store; is there already a server running?", R.LOCK_HELD),
    ("http 400: invalid: API key does not exist", R.AUTHENTICATION_FAILED),
    ('Could not load the "blunt" module using this runtime', R.MISSING_MODULE),
    ("Could not find any running hub. Please specify one", R.DEPENDENCY_UNREACHABLE),
    ("Data folder 'data' doesn't exist.", R.FILE_NOT_FOUND),
    ("Mismatching keys: the one in the file does not match the other", R.INVALID_CONFIGURATION),
    ("Invalid node name, must be of format 'name@host'", R.INVALID_CONFIGURATION),
    ("could not start: node 10.0.0.7 is down", R.DEPENDENCY_UNREACHABLE),
    ('failed to acquire lease: node "w" pod cidr not assigned', R.MISSING_CONFIGURATION),
    ("line 3: field scrape_confg not found in type config.plain", R.INVALID_CONFIGURATION),
    ("CONFIG ERROR: schema v13 is required, your schema version is v11", R.INVALID_CONFIGURATION),
    ("FlywayValidateException: Migration checksum mismatch for migration version 2", R.SCHEMA_MIGRATION),
    ("org.example.IllegalConfigurationException: size needs a unit", R.INVALID_CONFIGURATION),
    ("Error: Failed to load class com.example.Job.", R.MISSING_MODULE),
    ("NoDatabaseError: We could not find your database: hub", R.DEPENDENCY_UNREACHABLE),
    ("SQLSTATE[HY000] [2002] Connection refused (SQL: select * from migrations)", R.DEPENDENCY_UNREACHABLE),
    ("data is newer than the image and downgrading is unsupported here", R.VERSION_MISMATCH),
    ("Attempted to create a lock file on a read-only directory: /data", R.PERMISSION_DENIED),
    ("No server certificate was specified", R.TLS_FAILURE),
    ("System.UnauthorizedAccessException: no access to '/till'", R.PERMISSION_DENIED),
    ("Post https://till: net/http: TLS handshake timeout", R.DEPENDENCY_UNREACHABLE),
    ("dial tcp: lookup till on 10.9.0.10:53: i/o timeout", R.NAME_RESOLUTION),
    ("the server has asked for the client to provide credentials", R.AUTHENTICATION_FAILED),
    ("inotify_add_watch /till: no space left on device", R.RESOURCE_LIMIT),
    ("eheap_alloc: Cannot allocate 1048576 bytes of memory", R.MEMORY_EXHAUSTED),
    ("database disk image is malformed", R.DATA_CORRUPT),
    ("ORA-00942: table or view does not exist", R.SCHEMA_MIGRATION),
    ("open till.db: bolt: timeout", R.LOCK_HELD),
    ("controller: leadership lost", R.LEADER_ELECTION_LOST),
    ("It was not possible to find any compatible framework version", R.VERSION_MISMATCH),
    ("tillKey must have a value", R.MISSING_CONFIGURATION),
    ("toml: line 3: expected a newline", R.INVALID_CONFIGURATION),
)  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "first", "output"), [end[1:] for end in ENDS], ids=[e[0] for e in ENDS]
)
def test_end(reason: R, first: str, output: str) -> None:
    """Quote the line that says why first, and tell its class."""
    reading = read_output(output)
    assert reading.lines[:1] == (first,)
    assert reading.reason_class is reason


@pytest.mark.parametrize(
    ("reason", "output"), [quiet[1:] for quiet in QUIET], ids=[q[0] for q in QUIET]
)
def test_no_failure(reason: R, output: str) -> None:
    """Tell no cause where none is told."""
    assert read_output(output).reason_class is reason


@pytest.mark.parametrize(("words", "reason"), MEANINGS)
def test_class_of_words(words: str, reason: R) -> None:
    """What a program means counts, not the first word that is known."""
    assert classify(words) is reason


def test_elixir_says_at_the_end_why_a_child_did_not_start() -> None:
    """The class is that of the innermost exit."""
    output = (
        "00:00:01.119 [info] Application hub exited: Hub.start(:normal, []) returned an error:"
        " shutdown: failed to start child: Hub.Endpoint\n"
        "    ** (EXIT) shutdown: failed to start child: :ranch_acceptors_sup\n"
        "        ** (EXIT) :eaddrinuse\n"
        "** (Mix) Could not start application hub: Hub.start(:normal, []) returned an error:"
        " shutdown: failed to start child: Hub.Endpoint\n"
    )
    assert read_output(output).reason_class is R.PORT_IN_USE
