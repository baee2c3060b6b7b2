"""Outputs as runtimes print them, and the line of each that says why.

Written after the runtimes' sources; what programs on this machine really print is in tests/output.
"""

from typing import Final, NamedTuple

from pod_diagnoser.api.reason_classes import ReasonClass as R


class LookAlike(NamedTuple):
    """An output, the line to quote first, its class and runtime."""

    name: str
    runtime: str
    reason_class: R
    first: str
    output: str


LOOK_ALIKES: Final = (
    LookAlike(
        "java: the last cause of a chain",
        "java",
        R.DEPENDENCY_UNREACHABLE,
        "Caused by: java.net.ConnectException: Connection refused (Connection refused)",
        """\
10:00:01.234 [main] INFO  com.example.App - starting
Exception in thread "main" java.lang.IllegalStateException: cannot open the pool
	at com.example.Pool.open(Pool.java:41)
	at com.example.App.main(App.java:12)
	Suppressed: java.io.IOException: close failed
		at com.example.Pool.close(Pool.java:77)
		... 1 more
	Caused by: java.lang.NullPointerException: inner
		... 3 more
Caused by: java.sql.SQLException: no connection
	at com.example.Db.connect(Db.java:9)
	... 2 more
Caused by: java.net.ConnectException: Connection refused (Connection refused)
	at java.base/sun.nio.ch.Net.connect0(Native Method)
	... 5 more
""",
    ),
    LookAlike(
        "java: no cause",
        "java",
        R.UNCAUGHT_EXCEPTION,
        'Exception in thread "main" java.lang.ArrayIndexOutOfBoundsException: Index 5 out of bounds for length 3',
        """\
Exception in thread "main" java.lang.ArrayIndexOutOfBoundsException: Index 5 out of bounds for length 3
	at com.example.App.main(App.java:12)
""",
    ),
    LookAlike(
        "kotlin: an initializer",
        "java",
        R.MISSING_CONFIGURATION,
        "Caused by: java.lang.IllegalStateException: API_TOKEN is not set",
        """\
Exception in thread "main" java.lang.ExceptionInInitializerError
	at com.example.MainKt.main(Main.kt:3)
Caused by: java.lang.IllegalStateException: API_TOKEN is not set
	at com.example.Config.<clinit>(Config.kt:8)
	... 1 more
""",
    ),
    LookAlike(
        "java: logged at level ERROR by Spring, the whole chain",
        "java",
        R.NAME_RESOLUTION,
        "Caused by: java.net.UnknownHostException: orders-db",
        """\
2024-05-01T10:00:00.000Z  INFO 1 --- [           main] c.e.App : Starting App using Java 21
2024-05-01T10:00:02.000Z ERROR 1 --- [           main] o.s.boot.SpringApplication               : Application run failed

org.springframework.beans.factory.BeanCreationException: Error creating bean with name 'entityManagerFactory': failed
	at org.springframework.beans.factory.support.AbstractBeanFactory.doGetBean(AbstractBeanFactory.java:326)
	at com.example.App.main(App.java:9) ~[classes!/:na]
Caused by: org.postgresql.util.PSQLException: The connection attempt failed.
	at org.postgresql.core.v3.ConnectionFactoryImpl.openConnectionImpl(ConnectionFactoryImpl.java:354)
	... 17 common frames omitted
Caused by: java.net.UnknownHostException: orders-db
	at java.base/sun.nio.ch.NioSocketImpl.connect(NioSocketImpl.java:567)
	... 24 common frames omitted
2024-05-01T10:00:02.100Z  INFO 1 --- [           main] o.s.b.w.e.t.TomcatWebServer : Stopping service [Tomcat]
""",
    ),
    LookAlike(
        "spring: port in use",
        "java",
        R.PORT_IN_USE,
        "Web server failed to start. Port 8080 was already in use.",
        """\
2024-05-01 10:00:00.000  WARN 1 --- [main] ConfigServletWebServerApplicationContext : Exception encountered during context initialization - cancelling refresh attempt: org.springframework.context.ApplicationContextException: Failed to start bean 'webServerStartStop'
2024-05-01 10:00:00.100 ERROR 1 --- [main] o.s.b.d.LoggingFailureAnalysisReporter   :

***************************
APPLICATION FAILED TO START
***************************

Description:

Web server failed to start. Port 8080 was already in use.

Action:

Identify and stop the process that's listening on port 8080 or configure this application to listen on another port.

""",
    ),
    LookAlike(
        "spring: a property that cannot be bound",
        "java",
        R.INVALID_CONFIGURATION,
        "Failed to bind properties under 'app.timeout' to java.time.Duration:",
        """\
***************************
APPLICATION FAILED TO START
***************************

Description:

Failed to bind properties under 'app.timeout' to java.time.Duration:

    Property: app.timeout
    Value: "soon"
    Origin: class path resource [application.yml] - 3:12
    Reason: failed to convert java.lang.String to java.time.Duration

Action:

Update your application's configuration
""",
    ),
    LookAlike(
        "jvm: native crash",
        "java",
        R.NATIVE_CRASH,
        "#  SIGSEGV (0xb) at pc=0x00007f8a0c3d2b10, pid=1, tid=17",
        """\
#
# A fatal error has been detected by the Java Runtime Environment:
#
#  SIGSEGV (0xb) at pc=0x00007f8a0c3d2b10, pid=1, tid=17
#
# JRE version: OpenJDK Runtime Environment (17.0.2+8) (build 17.0.2+8)
# Problematic frame:
# C  [libzstd.so+0x2b10]  ZSTD_decompress+0x40
#
# No core dump will be written. Core dumps have been disabled.
# An error report file with more information is saved as:
# /tmp/hs_err_pid1.log
""",
    ),
    LookAlike(
        "jvm: native memory",
        "java",
        R.MEMORY_EXHAUSTED,
        "# There is insufficient memory for the Java Runtime Environment to continue.",
        """\
OpenJDK 64-Bit Server VM warning: INFO: os::commit_memory(0x00000000e0000000, 536870912, 0) failed; error='Not enough space' (errno=12)
#
# There is insufficient memory for the Java Runtime Environment to continue.
# Native memory allocation (mmap) failed to map 536870912 bytes for committing reserved memory.
# An error report file with more information is saved as:
# /app/hs_err_pid1.log
""",
    ),
    LookAlike(
        "jvm: an option it does not know",
        "java",
        R.INVALID_CONFIGURATION,
        "Unrecognized VM option 'MaxPermSize=256m'",
        """\
Unrecognized VM option 'MaxPermSize=256m'
Error: Could not create the Java Virtual Machine.
Error: A fatal exception has occurred. Program will exit.
""",
    ),
    LookAlike(
        "jvm: main class",
        "java",
        R.MISSING_MODULE,
        "Error: Could not find or load main class com.example.Main",
        """\
Error: Could not find or load main class com.example.Main
Caused by: java.lang.ClassNotFoundException: com.example.Main
""",
    ),
    LookAlike(
        "jvm: no jar",
        "java",
        R.FILE_NOT_FOUND,
        "Error: Unable to access jarfile /app/app.jar",
        "Error: Unable to access jarfile /app/app.jar\n",
    ),
    LookAlike(
        "java: heap",
        "java",
        R.MEMORY_EXHAUSTED,
        'Exception in thread "main" java.lang.OutOfMemoryError: Java heap space',
        """\
Exception in thread "main" java.lang.OutOfMemoryError: Java heap space
	at java.base/java.util.Arrays.copyOf(Arrays.java:3537)
	at com.example.App.main(App.java:12)
""",
    ),
    LookAlike(
        "python: a pydantic model of settings",
        "python",
        R.MISSING_CONFIGURATION,
        "pydantic_core._pydantic_core.ValidationError: 1 validation error for Settings",
        """\
Traceback (most recent call last):
  File "/app/main.py", line 12, in <module>
    settings = Settings()
               ^^^^^^^^^^
  File "/usr/local/lib/python3.12/site-packages/pydantic_settings/main.py", line 171, in __init__
    super().__init__(
pydantic_core._pydantic_core.ValidationError: 1 validation error for Settings
database_url
  Field required [type=missing, input_value={}, input_type=dict]
    For further information visit https://errors.pydantic.dev/2.7/v/missing
""",
    ),
    LookAlike(
        "python: psycopg2 under sqlalchemy",
        "python",
        R.DEPENDENCY_UNREACHABLE,
        'sqlalchemy.exc.OperationalError: (psycopg2.OperationalError) connection to server at "db" (10.0.0.5), port 5432 failed: Connection refused',
        """\
Traceback (most recent call last):
  File "/usr/lib/sqlalchemy/engine/base.py", line 146, in __init__
    self._dbapi_connection = engine.raw_connection()
psycopg2.OperationalError: connection to server at "db" (10.0.0.5), port 5432 failed: Connection refused
	Is the server running on that host and accepting TCP/IP connections?


The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/app/main.py", line 5, in <module>
    engine.connect()
sqlalchemy.exc.OperationalError: (psycopg2.OperationalError) connection to server at "db" (10.0.0.5), port 5432 failed: Connection refused
	Is the server running on that host and accepting TCP/IP connections?

(Background on this error at: https://sqlalche.me/e/20/e3q8)
""",
    ),
    LookAlike(
        "python: a helper's KeyError is not the root",
        "python",
        R.MISSING_CONFIGURATION,
        "app.errors.ConfigError: SMTP_HOST is not set",
        """\
Traceback (most recent call last):
  File "/app/cache.py", line 5, in get
    return self.store[key]
KeyError: 'smtp'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/main.py", line 9, in <module>
    main()
app.errors.ConfigError: SMTP_HOST is not set
""",
    ),
    LookAlike(
        "python: a syntax error in the main file",
        "python",
        R.UNCAUGHT_EXCEPTION,
        "SyntaxError: invalid syntax",
        """\
  File "/app/main.py", line 3
    def broken(:
               ^
SyntaxError: invalid syntax
""",
    ),
    LookAlike(
        "python: a group",
        "python",
        R.TIME_LIMIT,
        "| TimeoutError: job timeout",
        """\
  + Exception Group Traceback (most recent call last):
  |   File "/app/main.py", line 9, in <module>
  |     asyncio.run(main())
  | ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/app/main.py", line 4, in work
    |     raise TimeoutError("job timeout")
    | TimeoutError: job timeout
    +------------------------------------
""",
    ),
    LookAlike(
        "python: gunicorn cannot import the application",
        "python",
        R.MISSING_MODULE,
        "ModuleNotFoundError: No module named 'shop'",
        """\
[2024-05-01 10:00:00 +0000] [1] [INFO] Starting gunicorn 21.2.0
[2024-05-01 10:00:00 +0000] [1] [INFO] Listening at: http://0.0.0.0:8000 (1)
[2024-05-01 10:00:00 +0000] [7] [INFO] Booting worker with pid: 7
[2024-05-01 10:00:00 +0000] [7] [ERROR] Exception in worker process
Traceback (most recent call last):
  File "/usr/lib/gunicorn/arbiter.py", line 609, in spawn_worker
    worker.init_process()
  File "<frozen importlib._bootstrap>", line 1140, in _find_and_load_unlocked
ModuleNotFoundError: No module named 'shop'
[2024-05-01 10:00:00 +0000] [7] [INFO] Worker exiting (pid: 7)
[2024-05-01 10:00:00 +0000] [1] [ERROR] Worker (pid:7) exited with code 3
[2024-05-01 10:00:00 +0000] [1] [ERROR] Shutting down: Master
[2024-05-01 10:00:00 +0000] [1] [ERROR] Reason: Worker failed to boot.
""",
    ),
    LookAlike(
        "python: no file",
        "python",
        R.FILE_NOT_FOUND,
        "python: can't open file '/app/manage.py': [Errno 2] No such file or directory",
        "python: can't open file '/app/manage.py': [Errno 2] No such file or directory\n",
    ),
    LookAlike(
        "go: out of threads",
        "go",
        R.RESOURCE_LIMIT,
        "runtime: failed to create new OS thread (have 14 already; errno=11)",
        """\
runtime: failed to create new OS thread (have 14 already; errno=11)
runtime: may need to increase max user processes (ulimit -u)
fatal error: newosproc

runtime stack:
runtime.throw({0xb1b2c3?, 0x7f00?})
	/usr/local/go/src/runtime/panic.go:1077 +0x5c
""",
    ),
    LookAlike(
        "go: an error that a panic carries",
        "go",
        R.FILE_NOT_FOUND,
        "panic: open /etc/app/config.yaml: no such file or directory",
        """\
2024/05/01 10:00:00 starting
panic: open /etc/app/config.yaml: no such file or directory

goroutine 1 [running]:
main.main()
	/src/main.go:22 +0x125
exit status 2
""",
    ),
    LookAlike(
        "go: klog's fatal record",
        "go",
        R.INVALID_CONFIGURATION,
        "F0501 10:00:00.123456       1 main.go:88] invalid value for replicas: -1",
        """\
I0501 10:00:00.100000       1 main.go:40] version v1.2.3
F0501 10:00:00.123456       1 main.go:88] invalid value for replicas: -1
goroutine 1 [running]:
k8s.io/klog/v2.stacks(0x1)
	/go/pkg/mod/k8s.io/klog/v2@v2.4.0/klog.go:1026 +0x8a
""",
    ),
    LookAlike(
        "rust: place and message on two lines",
        "rust",
        R.FILE_NOT_FOUND,
        'called `Result::unwrap()` on an `Err` value: Os { code: 2, kind: NotFound, message: "No such file or directory" }',
        """\
thread 'main' panicked at src/main.rs:12:47:
called `Result::unwrap()` on an `Err` value: Os { code: 2, kind: NotFound, message: "No such file or directory" }
stack backtrace:
   0: rust_begin_unwind
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
""",
    ),
    LookAlike(
        "rust: one line",
        "rust",
        R.ASSERTION_OR_PANIC,
        "thread 'main' panicked at 'index out of bounds: the len is 3 but the index is 5', src/main.rs:4:5",
        """\
thread 'main' panicked at 'index out of bounds: the len is 3 but the index is 5', src/main.rs:4:5
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
""",
    ),
    LookAlike(
        "rust: an error that main returned",
        "rust",
        R.FILE_NOT_FOUND,
        "Error: failed to read /etc/app.toml",
        """\
Error: failed to read /etc/app.toml

Caused by:
    No such file or directory (os error 2)
""",
    ),
    LookAlike(
        "node: a module that is missing",
        "node",
        R.MISSING_MODULE,
        "Error: Cannot find module 'express'",
        """\
> shop@1.0.0 start
> node server.js

node:internal/modules/cjs/loader:1080
  throw err;
  ^

Error: Cannot find module 'express'
Require stack:
- /app/server.js
    at Module._resolveFilename (node:internal/modules/cjs/loader:1077:15)
    at node:internal/main/run_main_module:23:47 {
  code: 'MODULE_NOT_FOUND',
  requireStack: [ '/app/server.js' ]
}

Node.js v18.19.0
npm ERR! code ELIFECYCLE
npm ERR! errno 1
""",
    ),
    LookAlike(
        "node: a port in use",
        "node",
        R.PORT_IN_USE,
        "Error: listen EADDRINUSE: address already in use :::3000",
        """\
node:events:497
      throw er; // Unhandled 'error' event
      ^

Error: listen EADDRINUSE: address already in use :::3000
    at Server.setupListenHandle [as _listen2] (node:net:1897:16)
Emitted 'error' event on Server instance at:
    at emitErrorNT (node:net:1876:8) {
  code: 'EADDRINUSE',
  errno: -98,
  syscall: 'listen'
}

Node.js v20.11.0
""",
    ),
    LookAlike(
        "node: a rejection without an error",
        "node",
        R.UNCAUGHT_EXCEPTION,
        '[UnhandledPromiseRejection: This error originated either by throwing inside of an async function without a catch block, or by rejecting a promise which was not handled with .catch(). The promise rejected with the reason "no luck".] {',
        """\
node:internal/process/promises:288
            triggerUncaughtException(err, true /* fromPromise */);
            ^

[UnhandledPromiseRejection: This error originated either by throwing inside of an async function without a catch block, or by rejecting a promise which was not handled with .catch(). The promise rejected with the reason "no luck".] {
  code: 'ERR_UNHANDLED_REJECTION'
}

Node.js v18.19.0
""",
    ),
    LookAlike(
        "node: the heap",
        "node",
        R.MEMORY_EXHAUSTED,
        "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
        """\

<--- Last few GCs --->

[1:0x5a3f2c0]    54321 ms: Mark-sweep (reduce) 255.0 (258.1) -> 254.2 (258.3) MB, 12.1 / 0.0 ms

<--- JS stacktrace --->

FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory
 1: 0xb7a940 node::Abort() [node]
 2: 0xa8e823  [node]
Aborted (core dumped)
""",
    ),
    LookAlike(
        "node: an aggregate without a message",
        "node",
        R.DEPENDENCY_UNREACHABLE,
        "Error: connect ECONNREFUSED 10.0.0.7:6379",
        """\
node:internal/process/promises:394
      triggerUncaughtException(err, true /* fromPromise */);
      ^

AggregateError [ECONNREFUSED]:
    at internalConnectMultiple (node:net:1122:18)
    at afterConnectMultiple (node:net:1689:7) {
  code: 'ECONNREFUSED',
  [errors]: [
    Error: connect ECONNREFUSED 10.0.0.7:6379
        at createConnectionError (node:net:1652:14)
  ]
}
""",
    ),
    LookAlike(
        "node: a syntax error",
        "node",
        R.UNCAUGHT_EXCEPTION,
        "SyntaxError: Unexpected token ')'",
        """\
/app/server.js:3
const a = );
          ^

SyntaxError: Unexpected token ')'
    at internalCompileFunction (node:internal/vm:73:18)
""",
    ),
    LookAlike(
        "node: what was thrown is no error",
        "node",
        R.UNCAUGHT_EXCEPTION,
        "no config given",
        """\
/app/index.js:1
throw "no config given";
^
no config given
(Use `node --trace-uncaught ...` to show where the exception was thrown)

Node.js v20.1.0
""",
    ),
    LookAlike(
        "dotnet: an exception within another",
        "dotnet",
        R.DEPENDENCY_UNREACHABLE,
        "Unhandled exception. Npgsql.NpgsqlException (0x80004005): Failed to connect to 10.0.0.5:5432",
        """\
Unhandled exception. Npgsql.NpgsqlException (0x80004005): Failed to connect to 10.0.0.5:5432
 ---> System.Net.Sockets.SocketException (111): Connection refused
   at Npgsql.Internal.NpgsqlConnector.Connect(NpgsqlTimeout timeout)
   --- End of inner exception stack trace ---
   at Program.<Main>$(String[] args) in /src/Program.cs:line 7
Aborted (core dumped)
""",
    ),
    LookAlike(
        "dotnet: an initializer",
        "dotnet",
        R.MISSING_CONFIGURATION,
        "---> System.ArgumentNullException: Value cannot be null. (Parameter 'connectionString')",
        """\
Unhandled exception. System.TypeInitializationException: The type initializer for 'Program' threw an exception.
 ---> System.ArgumentNullException: Value cannot be null. (Parameter 'connectionString')
   at Program..cctor() in /src/Program.cs:line 3
   --- End of inner exception stack trace ---
""",
    ),
    LookAlike(
        "dotnet: the host could not start",
        "dotnet",
        R.PORT_IN_USE,
        "System.IO.IOException: Failed to bind to address http://0.0.0.0:8080: address already in use.",
        """\
info: Microsoft.Hosting.Lifetime[0]
      Content root path: /app
fail: Microsoft.Extensions.Hosting.Internal.Host[11]
      Hosting failed to start
      System.IO.IOException: Failed to bind to address http://0.0.0.0:8080: address already in use.
       ---> Microsoft.AspNetCore.Connections.AddressInUseException: Address already in use
         at Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets.SocketConnectionListener.Bind()
""",
    ),
    LookAlike(
        "dotnet: a framework that is not there",
        "dotnet",
        R.VERSION_MISMATCH,
        "You must install or update .NET to run this application.",
        """\
You must install or update .NET to run this application.

App: /app/shop.dll
Architecture: x64
Framework: 'Microsoft.NETCore.App', version '8.0.0' (x64)
.NET location: /usr/share/dotnet/
""",
    ),
    LookAlike(
        "php: an uncaught exception",
        "php",
        R.DEPENDENCY_UNREACHABLE,
        "PHP Fatal error:  Uncaught PDOException: SQLSTATE[HY000] [2002] Connection refused in /app/db.php:7",
        """\
PHP Fatal error:  Uncaught PDOException: SQLSTATE[HY000] [2002] Connection refused in /app/db.php:7
Stack trace:
#0 /app/db.php(7): PDO->__construct()
#1 {main}
  thrown in /app/db.php on line 7
""",
    ),
    LookAlike(
        "php: memory",
        "php",
        R.MEMORY_EXHAUSTED,
        "PHP Fatal error:  Allowed memory size of 134217728 bytes exhausted (tried to allocate 20480 bytes) in /app/x.php on line 3",
        "PHP Fatal error:  Allowed memory size of 134217728 bytes exhausted (tried to allocate 20480 bytes) in /app/x.php on line 3\n",
    ),
    LookAlike(
        "php: a console",
        "php",
        R.AUTHENTICATION_FAILED,
        "SQLSTATE[HY000] [1045] Access denied for user 'app'@'10.0.0.1' (using password: YES)",
        """\

In Connection.php line 829:

  SQLSTATE[HY000] [1045] Access denied for user 'app'@'10.0.0.1' (using password: YES)

""",
    ),
    LookAlike(
        "php: php-fpm",
        "php",
        R.PORT_IN_USE,
        "[01-May-2024 10:00:00] ERROR: unable to bind listening socket for address '9000': Address in use (98)",
        """\
[01-May-2024 10:00:00] ERROR: unable to bind listening socket for address '9000': Address in use (98)
[01-May-2024 10:00:00] ERROR: FPM initialization failed
""",
    ),
    LookAlike(
        "ruby: a key",
        "ruby",
        R.MISSING_CONFIGURATION,
        '/app/config.rb:3:in `fetch\': key not found: "DATABASE_URL" (KeyError)',
        """\
/app/config.rb:3:in `fetch': key not found: "DATABASE_URL" (KeyError)
	from /app/config.rb:3:in `<top (required)>'
	from /app/app.rb:1:in `require_relative'
""",
    ),
    LookAlike(
        "ruby: rake",
        "ruby",
        R.DEPENDENCY_UNREACHABLE,
        'ActiveRecord::ConnectionNotEstablished: connection to server at "10.0.0.5", port 5432 failed: Connection refused',
        """\
rake aborted!
ActiveRecord::ConnectionNotEstablished: connection to server at "10.0.0.5", port 5432 failed: Connection refused
	Is the server running on that host and accepting TCP/IP connections?
/usr/local/bundle/gems/activerecord-7.1.0/lib/active_record/connection_adapters/postgresql_adapter.rb:87:in `rescue in new_client'

Caused by:
PG::ConnectionBad: connection to server at "10.0.0.5", port 5432 failed: Connection refused
Tasks: TOP => db:migrate
(See full trace by running task with --trace)
""",
    ),
    LookAlike(
        "ruby: a server that runs already",
        "ruby",
        R.LOCK_HELD,
        "A server is already running. Check /app/tmp/pids/server.pid.",
        """\
=> Booting Puma
=> Rails 7.0.4 application starting in production
=> Run `bin/rails server --help` for more startup options
A server is already running. Check /app/tmp/pids/server.pid.
Exiting
""",
    ),
    LookAlike(
        "ruby: reversed, on a terminal",
        "ruby",
        R.UNCAUGHT_EXCEPTION,
        "a.rb:2:in `x': undefined local variable or method `foo' for main:Object (NameError)",
        """\
Traceback (most recent call last):
	2: from a.rb:9:in `<main>'
	1: from a.rb:5:in `y'
a.rb:2:in `x': undefined local variable or method `foo' for main:Object (NameError)
""",
    ),
    LookAlike(
        "perl: a module",
        "perl",
        R.MISSING_MODULE,
        "Can't locate JSON/XS.pm in @INC (you may need to install the JSON::XS module) (@INC contains: /etc/perl /usr/share/perl5) at /app/run.pl line 4.",
        """\
Can't locate JSON/XS.pm in @INC (you may need to install the JSON::XS module) (@INC contains: /etc/perl /usr/share/perl5) at /app/run.pl line 4.
BEGIN failed--compilation aborted at /app/run.pl line 4.
""",
    ),
    LookAlike(
        "perl: die",
        "perl",
        R.FILE_NOT_FOUND,
        "Cannot open /etc/app.conf: No such file or directory at /app/run.pl line 12.",
        "Cannot open /etc/app.conf: No such file or directory at /app/run.pl line 12.\n",
    ),
    LookAlike(
        "c++: an exception",
        "c++",
        R.NATIVE_CRASH,
        "what():  vector::_M_range_check: __n (which is 5) >= this->size() (which is 3)",
        """\
terminate called after throwing an instance of 'std::out_of_range'
  what():  vector::_M_range_check: __n (which is 5) >= this->size() (which is 3)
Aborted (core dumped)
""",
    ),
    LookAlike(
        "c: an assertion",
        "c",
        R.ASSERTION_OR_PANIC,
        "server: main.c:12: main: Assertion `fd >= 0' failed.",
        "server: main.c:12: main: Assertion `fd >= 0' failed.\nAborted (core dumped)\n",
    ),
    LookAlike(
        "c: a library",
        "c",
        R.MISSING_MODULE,
        "/app/server: error while loading shared libraries: libpq.so.5: cannot open shared object file: No such file or directory",
        "/app/server: error while loading shared libraries: libpq.so.5: cannot open shared object file: No such file or directory\n",
    ),
    LookAlike(
        "c: a version of libc",
        "c",
        R.VERSION_MISMATCH,
        "/app/server: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.34' not found (required by /app/server)",
        "/app/server: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.34' not found (required by /app/server)\n",
    ),
    LookAlike(
        "c: heap corruption",
        "c",
        R.NATIVE_CRASH,
        "double free or corruption (fasttop)",
        "double free or corruption (fasttop)\nAborted (core dumped)\n",
    ),
    LookAlike(
        "elixir: a config provider",
        "elixir",
        R.MISSING_CONFIGURATION,
        "** (RuntimeError) environment variable DATABASE_URL is missing.",
        """\
ERROR! Config provider Config.Reader failed with:
** (RuntimeError) environment variable DATABASE_URL is missing.
For example: ecto://USER:PASS@HOST/DATABASE

    /app/releases/0.1.0/runtime.exs:26: (file)
    (elixir 1.15.7) lib/config/provider.ex:357: Config.Provider.run_providers/2

Runtime terminating during boot ({#{message=><<"environment variable DATABASE_URL is missing.">>},[]})
Crash dump is being written to: erl_crash.dump...done
""",
    ),
    LookAlike(
        "erlang: rabbitmq's boot",
        "erlang",
        R.PORT_IN_USE,
        '2024-05-01 10:00:00.123456+00:00 [error] <0.200.0>    {could_not_start_listener,"::",5672,eaddrinuse}',
        """\
2024-05-01 10:00:00.123456+00:00 [error] <0.200.0>
2024-05-01 10:00:00.123456+00:00 [error] <0.200.0> BOOT FAILED
2024-05-01 10:00:00.123456+00:00 [error] <0.200.0> ===========
2024-05-01 10:00:00.123456+00:00 [error] <0.200.0> Error during startup:
2024-05-01 10:00:00.123456+00:00 [error] <0.200.0>
2024-05-01 10:00:00.123456+00:00 [error] <0.200.0>    {could_not_start_listener,"::",5672,eaddrinuse}
2024-05-01 10:00:00.123456+00:00 [error] <0.200.0>
""",
    ),
)
