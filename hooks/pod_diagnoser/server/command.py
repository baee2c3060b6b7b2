"""The command ``pod-diagnoser``: ``serve`` runs the hook, others check and remove installations."""

import argparse
import os
import sys
from pathlib import Path

from gunicorn.app.wsgiapp import WSGIApplication

from pod_diagnoser.server.settings import SettingsError, load_settings


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: the command line without the program's name; None takes the process's own.

    Returns:
        The exit code of the server.

    Raises:
        SystemExit: with 2 for a wrong command line or setting.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command != "serve":
        # Only here: gunicorn's worker patches ssl, and what took SSLContext from it before, as
        # urllib3 does, would recurse without end at each call of the API server.
        from pod_diagnoser.server.administer import administer  # noqa: PLC0415

        return administer(options)
    for name in ("host", "port", "endpoints"):
        value = getattr(options, name)
        if value is not None:
            os.environ[f"POD_DIAGNOSER_{name.upper()}"] = value
    try:
        load_settings()
    except SettingsError as error:
        parser.exit(2, f"pod-diagnoser: {error}\n")
    sys.argv = [
        "gunicorn",
        "--config",
        "python:pod_diagnoser.server.gunicorn_conf",
        "pod_diagnoser.server.app:create_app()",
    ]
    WSGIApplication("%(prog)s [OPTIONS] [APP_MODULE]", prog="gunicorn").run()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pod-diagnoser", description="Metacontroller hook that says why containers crashed."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="serve the hook with gunicorn, as in production")
    serve.add_argument("--host", help="address to listen on (POD_DIAGNOSER_HOST, 127.0.0.1)")
    serve.add_argument("--port", help="port to listen on (POD_DIAGNOSER_PORT or PORT, 8080)")
    serve.add_argument(
        "--endpoints", help="all, pods or poddiagnosers (POD_DIAGNOSER_ENDPOINTS, all)"
    )
    clean = commands.add_parser(
        "clean-pods", help="take off all Pods what was written on them, before a removal"
    )
    check = commands.add_parser(
        "check-installation", help="crash a made-up Pod, and wait until it is diagnosed"
    )
    check.add_argument("--namespace", required=True, help="where that Pod is made")
    check.add_argument(
        "--objects",
        required=True,
        type=Path,
        help="folder with poddiagnoser.json, pod.json and crash.json",
    )
    check.add_argument(
        "--no-crash",
        dest="crash",
        action="store_false",
        help="wait for the PodDiagnoser alone",
    )
    for one in (clean, check):
        one.add_argument("--timeout", type=float, default=240, help="seconds; 240 by default")
    return parser
