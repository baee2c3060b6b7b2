"""Which of several lines that speak of an error is the cause: what is quoted first, its class."""

from typing import Final

import pytest

from pod_diagnoser.api.reason_classes import ReasonClass as R
from pod_diagnoser.diagnosis.output import read_output

ENDS: Final = (
    (
        "ruby prints the message, then the frames",
        R.NAME_RESOLUTION,
        "getaddrinfo: Name or service not known (redis://till-cache:6379/0)",
        (
            "2024-01-01T00:00:00.413Z pid=1 tid=1luv INFO: Booted the till in production\n"
            "getaddrinfo: Name or service not known (redis://till-cache:6379/0)\n"
            "/usr/local/bundle/gems/cache-0.1.2/lib/cache/connection.rb:75:in `rescue in initialize'\n"
            "/usr/local/bundle/gems/cache-0.1.2/lib/cache/connection.rb:46:in `initialize'\n"
            "/usr/local/bundle/gems/till-7.0.2/bin/till:31:in `<top (required)>'\n"
        ),
    ),
    (
        "a record of Rust's tracing whose target has colons",
        R.PERMISSION_DENIED,
        'ERROR till::startup: Panic in src/main.rs: CollectionError::Io { why: "Permission denied" }',
        (
            "2024-01-01T00:00:00.939019Z  INFO till::storage: Loading the state\n"
            "2024-01-01T00:00:00.963293Z ERROR till::startup: Panic in src/main.rs: "
            'CollectionError::Io { why: "Permission denied" }\n'
            "2024-01-01T00:00:00.963505Z  INFO till::tonic: listening on 6334\n"
            "2024-01-01T00:00:00.963510Z  INFO till::tonic: TLS disabled for the API\n"
        ),
    ),
    (
        "a program goes on without what its entrypoint could not write",
        R.INVALID_CONFIGURATION,
        "Caused by: com.example.UnsupportedSchemeException: invalid configuration: nothing serves scheme 's9'",
        (
            "Starting the hub\n"
            "sed: couldn't open temporary file /opt/hub/conf/sedLq2hZx: Read-only file system\n"
            "/docker-entrypoint.sh: line 73: /opt/hub/conf/hub.yaml: Read-only file system\n"
            "2024-01-01 00:00:02,401 ERROR com.example.hub.Entrypoint [] - Could not start the entrypoint Hub.\n"
            "com.example.hub.EntrypointException: Failed to initialize the entrypoint Hub.\n"
            "\tat com.example.hub.Entrypoint.start(Entrypoint.java:255) ~[hub.jar:1.1]\n"
            "Caused by: com.example.UnsupportedSchemeException: invalid configuration: nothing serves scheme 's9'\n"
            "\tat com.example.hub.Files.get(Files.java:515) ~[hub.jar:1.1]\n"
        ),
    ),
    (
        "git tells the cause above its last line",
        R.AUTHENTICATION_FAILED,
        "git@git.example.com: Permission denied (publickey).",
        (
            "Cloning into '/work/till'...\n"
            "git@git.example.com: Permission denied (publickey).\n"
            "fatal: Could not read from remote repository.\n"
            "Please make sure you have the correct access rights\n"
            "and the repository exists.\n"
        ),
    ),
    (
        "rust: the deepest of numbered causes, before a headline that says no more",
        R.INVALID_CONFIGURATION,
        "1: TOML parse error at line 4, column 9",
        (
            "Error: failed to load configuration\n"
            "\n"
            "Caused by:\n"
            "    0: could not parse /etc/till/config.toml\n"
            "    1: TOML parse error at line 4, column 9\n"
            "         |\n"
            '       4 | port = "80\n'
            "         |         ^\n"
            "       invalid basic string\n"
        ),
    ),
    (
        "rust: causes below one another, each with its own headline",
        R.FILE_NOT_FOUND,
        "No such file or directory (os error 2)",
        (
            "error: failed to start\n"
            "\n"
            "Caused by:\n"
            "  failed to read the manifest\n"
            "\n"
            "Caused by:\n"
            "  No such file or directory (os error 2)\n"
        ),
    ),
    (
        "glog with the year in its header",
        R.ASSERTION_OR_PANIC,
        "F20240101 00:00:12.441200     1 map.cc:141] Check failed: id < count_ (12 vs. 8)",
        (
            "I20240101 00:00:00.123456     1 server.cc:88] listening on 0.0.0.0:9000\n"
            "F20240101 00:00:12.441200     1 map.cc:141] Check failed: id < count_ (12 vs. 8) \n"
            "*** Check failure stack trace: ***\n"
            "    @     0x7f2e4a1f0b0d  google::LogMessage::Fail()\n"
            "*** SIGABRT (@0x1) received by PID 1 (TID 0x7f2e49876740) from PID 1; stack trace: ***\n"
        ),
    ),
    (
        "java: the record says more than an exception that was cancelled",
        R.UNCAUGHT_EXCEPTION,
        "[2024-01-01 00:00:14,395] ERROR [Hub id=0] Got a fatal error while it waited for the till (com.example.Hub)",
        (
            "[2024-01-01 00:00:12,395] INFO [Hub id=0] Starting (com.example.Hub)\n"
            "[2024-01-01 00:00:14,395] ERROR [Hub id=0] Got a fatal error while it waited for the till (com.example.Hub)\n"
            "java.util.concurrent.CancellationException\n"
            "\tat java.base/java.util.concurrent.CompletableFuture.cancel(CompletableFuture.java:2478)\n"
            "\tat com.example.Hub.main(Hub.java:12)\n"
            "[2024-01-01 00:00:14,396] INFO [Hub id=0] Shutdown completed (com.example.Hub)\n"
        ),
    ),
    (
        "ruby: an exception whose message is on the next line",
        R.INVALID_CONFIGURATION,
        "[!] There was an error parsing `Gemfile`: Too many levels of symbolic links - /srv/till. Bundler cannot continue.",
        (
            "Migrating the till\n"
            "bundler: failed to load command: rake (/usr/bin/rake)\n"
            "Bundler::Dsl::DSLError: \n"
            "[!] There was an error parsing `Gemfile`: Too many levels of symbolic links - /srv/till. Bundler cannot continue.\n"
            "\n"
            " #  from /srv/till/Gemfile:1\n"
            " #  -------------------------------------------\n"
            " >  source 'https://rubygems.org'\n"
        ),
    ),
    (
        "ceph in a container writes debug before each line",
        R.FILE_NOT_FOUND,
        "debug 2024-01-01T00:00:11.402+0000 7f2c1e3a5540 -1  ** ERROR: unable to open the superblock on /var/lib/till: (2) No such file or directory",
        (
            "debug 2024-01-01T00:00:11.101+0000 7f2c1e3a5540  0 set uid:gid to 167:167 (till:till)\n"
            "debug 2024-01-01T00:00:11.102+0000 7f2c1e3a5540  0 till version 17.2.5, pid 1\n"
            "debug 2024-01-01T00:00:11.402+0000 7f2c1e3a5540 -1  ** ERROR: unable to open the superblock on /var/lib/till: (2) No such file or directory\n"
        ),
    ),
    (
        "what must be set, in a box",
        R.MISSING_CONFIGURATION,
        "You must set a TILL_KEY environment variable to run the till",
        (
            "[cont-init.d] executing container initialization scripts...\n"
            "[cont-init.d] 01-check-key.sh: executing...\n"
            "==========================================================\n"
            "You must set a TILL_KEY environment variable to run the till\n"
            "==========================================================\n"
            "[cont-init.d] 01-check-key.sh: exited 1.\n"
        ),
    ),
    (
        "oracle tells its errors by number",
        R.INVALID_CONFIGURATION,
        "ORA-27104: system-defined limits for shared memory was misconfigured",
        (
            "TILL: starting up...\n"
            "ORA-27104: system-defined limits for shared memory was misconfigured\n"
            "The instance was shut down.\n"
            "TILL: database startup failed!\n"
        ),
    ),
    (
        "airlift lists what is wrong in a configuration",
        R.INVALID_CONFIGURATION,
        "1) Configuration property 'till.max-memory' was not used",
        (
            "2024-01-01T00:00:12.101Z\tINFO\tmain\tBootstrap\tLoading configuration\n"
            "2024-01-01T00:00:13.101Z\tERROR\tmain\tcom.example.Till\tConfiguration is invalid\n"
            "==========\n\nErrors:\n\n"
            "1) Configuration property 'till.max-memory' was not used\n\n"
            "1 error\n\n==========\n"
        ),
    ),
    (
        "an error that only says that it ends of the one above",
        R.TLS_FAILURE,
        'ERROR till: logging in: err="Put \\"https://hub:8501/v1/login\\": x509: certificate has expired or is not yet valid"',
        (
            "2024-01-01T00:00:13.101Z INFO  till: starting\n"
            '2024-01-01T00:00:13.201Z ERROR till: logging in: err="Put \\"https://hub:8501/v1/login\\": x509: certificate has expired or is not yet valid"\n'
            "2024-01-01T00:00:13.202Z ERROR till: unable to log in, exiting\n"
        ),
    ),
    (
        "a fatal record that says no more than the error above",
        R.NAME_RESOLUTION,
        'time="2024-01-01T00:00:13Z" level=error msg="lookup till-db: no such host"',
        (
            'time="2024-01-01T00:00:03Z" level=info msg="starting"\n'
            'time="2024-01-01T00:00:13Z" level=error msg="lookup till-db: no such host"\n'
            'time="2024-01-01T00:00:13Z" level=fatal msg="could not start the till"\n'
        ),
    ),
    (
        "npm itself may not write",
        R.PERMISSION_DENIED,
        "npm ERR! code EACCES",
        (
            "npm ERR! code EACCES\n"
            "npm ERR! syscall mkdir\n"
            "npm ERR! path /.npm\n"
            "npm ERR! errno -13\n"
            "npm ERR! \n"
            "npm ERR! Your cache folder contains root-owned files, due to a bug in\n"
            "npm ERR! previous versions of npm which has since been addressed.\n"
        ),
    ),
    (
        "a signal that a program was sent by the kernel, then what a shell says",
        R.NATIVE_CRASH,
        "/usr/bin/till[1]: received signal SIGBUS, PC 0x7f0a2c1f0b0d, faulting address 0x7f09ec000000",
        (
            "/usr/bin/till[1]: received signal SIGBUS, PC 0x7f0a2c1f0b0d, faulting address 0x7f09ec000000\n"
            "/usr/bin/till[1]: #0  0x00007f0a2d1f0b0d 0x7f0a2d1f0b0d\n"
            "Aborted (core dumped)\n"
        ),
    ),
    (
        "the first of the last errors that does not say that it goes on",
        R.PORT_IN_USE,
        "2024.01.01 00:00:17.610652 [ 1 ] {} <Error> Till: Listen [0.0.0.0]:9000 failed: Address already in use: 0.0.0.0:9000",
        (
            "2024.01.01 00:00:16.302652 [ 1 ] {} <Warning> Till: huge pages are set to always\n"
            "2024.01.01 00:00:16.310652 [ 1 ] {} <Error> Certificates: Cannot obtain the time of /etc/till.crt, skipping update. strerror: No such file or directory\n"
            "2024.01.01 00:00:17.610652 [ 1 ] {} <Error> Till: Listen [0.0.0.0]:9000 failed: Address already in use: 0.0.0.0:9000\n"
            "2024.01.01 00:00:17.611004 [ 1 ] {} <Information> Till: shutting down\n"
        ),
    ),
    (
        "a cause with aborting behind it",
        R.FILE_NOT_FOUND,
        "Error: no such file or directory: till.conf. Aborting",
        "Till v1.1.0\nCopyright (C) Example\nError: no such file or directory: till.conf. Aborting\n",
    ),
    (
        "a level before a message, and nothing else",
        R.DEPENDENCY_UNREACHABLE,
        "[2024-01-01 00:00:30] ERROR connect ECONNREFUSED 127.0.0.1:3306",
        (
            "[2024-01-01 00:00:29] INFO Your till is now available\n"
            "[2024-01-01 00:00:30] INFO The till has started in 0.799s\n"
            "[2024-01-01 00:00:30] ERROR connect ECONNREFUSED 127.0.0.1:3306\n"
            "connect ECONNREFUSED 127.0.0.1:3306\n"
            '"Unknown database error"\n'
            "Error ID:\n"
            "    500\n"
            "Error Code:\n"
            "    ECONNREFUSED\n"
            "----------------------------------------\n"
            "[2024-01-01 00:00:30] WARN The till is shutting down\n"
            "[2024-01-01 00:00:30] WARN Your till is now offline\n"
        ),
    ),
    (
        "what is copied because it is not there is no failure",
        R.NAME_RESOLUTION,
        "MySQL Connection Error: (2002) php_network_getaddresses: getaddrinfo for till failed: Name or service not known",
        (
            "Till not found in /var/www/html - copying now...\n"
            "Complete! The till has been copied to /var/www/html\n"
            "MySQL Connection Error: (2002) php_network_getaddresses: getaddrinfo for till failed: Name or service not known\n"
        ),
    ),
    (
        "mongod tells of its key file at the level of information",
        R.PERMISSION_DENIED,
        '{"t":{"$date":"2024-01-01T00:00:00.131+00:00"},"s":"I",  "c":"ACCESS",   "id":20254,   "ctx":"main","msg":"Read security file failed","attr":{"error":{"code":30,"codeName":"InvalidPath","errmsg":"permissions on /etc/till/key are too open"}}}',
        (
            '{"t":{"$date":"2024-01-01T00:00:00.111+00:00"},"s":"I",  "c":"CONTROL",  "id":23285,   "ctx":"main","msg":"Automatically disabling TLS 1.0"}\n'
            '{"t":{"$date":"2024-01-01T00:00:00.131+00:00"},"s":"I",  "c":"ACCESS",   "id":20254,   "ctx":"main","msg":"Read security file failed","attr":{"error":{"code":30,"codeName":"InvalidPath","errmsg":"permissions on /etc/till/key are too open"}}}\n'
        ),
    ),
    (
        "what a supervisor says of itself is not why its child ends",
        R.PERMISSION_DENIED,
        "till: cannot open /etc/till.conf: Permission denied",
        (
            "2024-01-01 00:00:13,884 CRIT Supervisor running as root (no user in config file)\n"
            "2024-01-01 00:00:14,908 INFO spawned: 'till' with pid 161\n"
            "till: cannot open /etc/till.conf: Permission denied\n"
            "2024-01-01 00:00:15,070 INFO exited: till (exit status 78; not expected)\n"
            "2024-01-01 00:00:17,270 INFO gave up: till entered FATAL state, too many start retries too quickly\n"
        ),
    ),
    (
        "what a program requires",
        R.INVALID_CONFIGURATION,
        "till: This program requires a machine with at least 2000 megabytes of memory.",
        (
            "The till will run as non-root by default.\n"
            "till: This program requires a machine with at least 2000 megabytes of memory.\n"
        ),
    ),
    (
        "the last line, which is no record, after errors that were logged",
        R.DEPENDENCY_UNREACHABLE,
        "2024/01/01 00:00:34 failed to join cluster: context deadline exceeded",
        (
            "I0101 00:00:13.101020      19 worker.go:107] Listening at address: [::]:7080\n"
            'E0101 00:00:24.201020      19 groups.go:1181] Error during Subscribe for prefix "a": Unable to find any servers\n'
            "2024/01/01 00:00:34 failed to join cluster: context deadline exceeded\n"
        ),
    ),
    (
        "what is unavailable",
        R.DEPENDENCY_UNREACHABLE,
        "all till nodes are unavailable",
        (
            "Warning! Request till endpoint 'http://till:2379/version' error, retry time=1\n"
            "Warning! Request till endpoint 'http://till:2379/version' error, retry time=2\n"
            "all till nodes are unavailable\n"
        ),
    ),
    (
        "what does not exist",
        R.INVALID_CONFIGURATION,
        "Mon Jan  1 00:00:13 2024: Non-existent till specified in configuration",
        (
            "Mon Jan  1 00:00:13 2024: Starting till v2.2.7\n"
            "Mon Jan  1 00:00:13 2024: Opening file '/etc/till.conf'.\n"
            "Mon Jan  1 00:00:13 2024: Non-existent till specified in configuration\n"
            "Mon Jan  1 00:00:13 2024: Stopped till v2.2.7\n"
        ),
    ),
    (
        "please accept",
        R.MISSING_CONFIGURATION,
        "[init] Please accept the Till EULA at",
        (
            "[init] Running as uid=1000 gid=1000\n"
            "[init] Please accept the Till EULA at\n"
            "[init]   https://example.com/eula\n"
            "[init] by adding the following:\n"
            "[init]   -e EULA=TRUE\n"
        ),
    ),
    (
        "headlines above a cause",
        R.NAME_RESOLUTION,
        "Backend host '\"till:8080\"' could not be resolved to an IP address:",
        (
            "Error:\n"
            "Message from the compiler:\n"
            "Backend host '\"till:8080\"' could not be resolved to an IP address:\n"
            "\tName or service not known\n"
            "('/etc/till.vcl' Line 4 Pos 13)\n"
        ),
    ),
    (
        "a cause in a frame",
        R.LOCK_HELD,
        "│ Error: Error acquiring the state lock",
        (
            "Initializing the till...\n"
            "╷\n"
            "│ Error: Error acquiring the state lock\n"
            "│ \n"
            "│ Lock Info:\n" + "".join(f"│   Field{n}: value\n" for n in range(8)) + "╵\n"
        ),
    ),
    (
        "a cause below its kind",
        R.FILE_NOT_FOUND,
        "Could not find profile named 'till'",
        (
            "00:00:13  Running with till=1.3.1\n"
            "00:00:14  Encountered an error:\n"
            "Runtime Error\n"
            "  Could not find profile named 'till'\n"
        ),
    ),
    (
        "tar says at last that it cannot go on",
        R.DATA_CORRUPT,
        "gzip: stdin: unexpected end of file",
        (
            "Extracting till.tar.gz\n"
            "gzip: stdin: unexpected end of file\n"
            "tar: Unexpected EOF in archive\n"
            "tar: Error is not recoverable: exiting now\n"
        ),
    ),
    (
        "the text within a term of Erlang",
        R.UNCAUGHT_EXCEPTION,
        "\"Node 'till@a' thinks it's clustered with 'till@b', but 'till@b' disagrees\"}}",
        (
            "BOOT FAILED\n"
            "===========\n"
            "Error during startup: {error,\n"
            "                       {inconsistent_cluster,\n"
            "                        \"Node 'till@a' thinks it's clustered with 'till@b', but 'till@b' disagrees\"}}\n"
        ),
    ),
    (
        "lines that were cited",
        R.DEPENDENCY_UNREACHABLE,
        "> PG::ConnectionBad: could not connect to server: Connection refused",
        (
            "> rake aborted!\n"
            "> PG::ConnectionBad: could not connect to server: Connection refused\n"
            "> \tIs the server running on host till and accepting\n"
            "> /usr/lib/pg.rb:58:in `initialize'\n"
            + "> /usr/lib/pg.rb:58:in `new'\n"
            * 8
            + "> (See full trace by running task with --trace)\n"
            "> Tasks: TOP => db:migrate\n"
        ),
    ),
    (
        "a crash of the JVM whose marks were lost",
        R.NATIVE_CRASH,
        "SIGSEGV (0xb) at pc=0x00007fd31e91b0e4, pid=1, tid=23",
        (
            "A fatal error has been detected by the Java Runtime Environment:\n"
            "SIGSEGV (0xb) at pc=0x00007fd31e91b0e4, pid=1, tid=23\n"
            "JRE version: OpenJDK Runtime Environment (17.0.10+7)\n"
            "Problematic frame:\n"
            "V  [libjvm.so+0xb8a0e4]  mark()+0x14\n"
            "An error report file with more information is saved as:\n"
            "/tmp/hs_err_pid1.log\n"
        ),
    ),
    (
        "a field whose name ends with Error is no cause",
        R.UNCAUGHT_EXCEPTION,
        "TillError: Request failed with status code 503",
        (
            "node:internal/process/promises:288\n"
            "            triggerUncaughtException(err, true /* fromPromise */);\n"
            "            ^\n"
            "\n"
            "TillError: Request failed with status code 503\n"
            "    at settle (/app/till.cjs:1900:12) {\n"
            "  config: {\n"
            "    clarifyTimeoutError: false\n"
            "  },\n"
            "}\n"
            "Node.js v18.16.0\n"
        ),
    ),
    (
        "a trace below the lines of a record's message",
        R.FILE_NOT_FOUND,
        "Caused by: java.io.FileNotFoundException: till.url",
        (
            "08:01:12.101 [main] ERROR com.example.Till - Error starting the till: could not be loaded\n"
            "Message: Property till.url\n"
            "Path Taken: new Gateway(String url)\n"
            "com.example.InstantiationException: could not be loaded\n"
            "\tat com.example.Context.start(Context.java:1920)\n"
            "Caused by: java.io.FileNotFoundException: till.url\n"
            "\tat com.example.Bean.get(Bean.java:720)\n"
            "\t... 3 common frames omitted\n"
        ),
    ),
    (
        "a fatal line that is not of postgres",
        R.INVALID_CONFIGURATION,
        "ERROR: Verifying till... is removed               till=GR134894",
        (
            "Running in system-mode.\n"
            "ERROR: Verifying till... is removed               till=GR134894\n"
            "FATAL: Failed to verify the till.\n"
        ),
    ),
    (
        "an error with a colon at its end, and the next record",
        R.PERMISSION_DENIED,
        "1 Jan 00:00:13 - [error] Error: EACCES: permission denied, mkdir '/data/till'",
        (
            "1 Jan 00:00:13 - [info] Till version: v3.0.2\n"
            "1 Jan 00:00:13 - [error] Failed to start the till:\n"
            "1 Jan 00:00:13 - [error] Error: EACCES: permission denied, mkdir '/data/till'\n"
        ),
    ),
    (
        "elixir: a record, and the exception below it",
        R.DEPENDENCY_UNREACHABLE,
        "** (Till.TransportError) connection refused",
        (
            "Starting repos..\n"
            "00:00:13.101 [error] Could not create the table of migrations\n"
            "** (Till.TransportError) connection refused\n"
            "    (till 0.2) lib/till.ex:30: Till.create/0\n"
        ),
    ),
    (
        "a program gives up",
        R.INVALID_CONFIGURATION,
        "2024/01/01 00:00:15 till: connect request timeout (hub: till)",
        (
            "2024/01/01 00:00:13 connect: till://till:4222\n"
            "2024/01/01 00:00:15 till: connect request timeout (hub: till)\n"
            "2024/01/01 00:00:15 reconnect 1/10\n"
            "2024/01/01 00:00:45 giving up after 10 attempts\n"
        ),
    ),
)


ASKED_TO_STOP: Final[tuple[tuple[str, str], ...]] = (
    (
        # Uvicorn does not say that it was asked to stop, but that it shuts down.
        "a request that failed before an orderly end is not the reason",
        (
            "INFO:     Application startup complete.\n"
            "ERROR:    Exception in ASGI application\n"
            "Traceback (most recent call last):\n"
            '  File "/app/main.py", line 21, in item\n'
            "    return items[9]\n"
            "KeyError: 9\n"
            'INFO:     10.244.0.1:51240 - "GET /health HTTP/1.1" 200 OK\n'
            "INFO:     Shutting down\n"
            "INFO:     Finished server process [1]\n"
        ),
    ),
    (
        # As zap writes them.
        "times in seconds tell how long a program worked on",
        (
            '{"level":"info","ts":1672917133.1,"msg":"starting"}\n'
            '{"level":"error","ts":1672917183.1,"msg":"could not get the till"}\n'
            '{"level":"info","ts":1672927183.1,"msg":"Shutdown signal received, waiting for workers"}\n'
        ),
    ),
    (
        # As of logfmt: the error after it follows from it.
        "a signal as a field is a request to stop",
        (
            'time=2024-01-01T00:00:56Z level=info msg="Signal received" signal=terminated\n'
            'time=2024-01-01T00:00:56Z level=info msg="Stopping the till"\n'
            'time=2024-01-01T00:00:56Z level=error msg="job errored" error="accept failed: use of closed network connection"\n'
        ),
    ),
    (
        # A server that closes down in order, a minute after an error that it lived with.
        "an error long before an orderly end is not the reason",
        (
            'E0101 00:00:01.331213       1 meter.go:140] "Failed to read" err="x509: no IP SANs" node="b"\n'
            'I0101 00:00:11.110131       1 server.go:187] "Failed probe" probe="ready"\n'
            'I0101 00:00:21.110131       1 server.go:187] "Failed probe" probe="ready"\n'
            'I0101 00:00:31.110131       1 server.go:187] "Failed probe" probe="ready"\n'
            'I0101 00:00:59.111131       1 content.go:223] "Shutting down controller" name="ca"\n'
            "I0101 00:00:59.111331       1 serving.go:311] Stopped listening on [::]:4443\n"
        ),
    ),
    (
        # HAProxy goes on, until it is asked to stop.
        "a backend without servers is not the end",
        (
            "[NOTICE]   (1) : Loading success.\n"
            "[ALERT]    (8) : backend 'till' has no server available!\n"
            "[WARNING]  (1) : Exiting Master process...\n"
            "[ALERT]    (1) : Current worker (8) exited with code 143 (Terminated)\n"
            "[WARNING]  (1) : All workers exited. Exiting... (143)\n"
        ),
    ),
)
"""What was asked to stop: what failed before or after it is not the reason."""


@pytest.mark.parametrize(
    "output", [end[1] for end in ASKED_TO_STOP], ids=[end[0] for end in ASKED_TO_STOP]
)
def test_asked_to_stop(output: str) -> None:
    """No error is told as the reason."""
    assert read_output(output).reason_class is R.ASKED_TO_STOP


def test_what_points_to_warnings_above_is_not_the_reason() -> None:
    """Silence is better."""
    output = "Jan 01 00:00:13.103 [err] Reading config failed--see warnings above.\n"
    assert read_output(output).lines == ()


@pytest.mark.parametrize(
    ("reason", "first", "output"), [end[1:] for end in ENDS], ids=[end[0] for end in ENDS]
)
def test_end(reason: R, first: str, output: str) -> None:
    """Quote the line that says why first, and tell its class."""
    reading = read_output(output)
    assert reading.lines[:1] == (first,)
    assert reading.reason_class is reason
