"""The command ``pod-diagnoser``: ``serve`` runs the hook."""

import argparse
import os
import sys

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
    options = parser.parse_args(arguments)
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
