"""The commands of ``pod-diagnoser`` that work on an installation: they check and remove it."""

import argparse
import json
import os
import sys

from pod_diagnoser.cluster.administration import Administration
from pod_diagnoser.cluster.errors import ApiError
from pod_diagnoser.server.app import find_api_server
from pod_diagnoser.server.installation import (
    InstallationCheck,
    InstallationError,
    Patience,
    clean_pods,
)
from pod_diagnoser.server.settings import SettingsError, load_settings


def administer(options: argparse.Namespace) -> int:
    """Run the command that the options name; return the exit code."""
    try:
        credentials = find_api_server(load_settings(), os.environ)
        if credentials is None:
            sys.stderr.write("pod-diagnoser: no API server: this runs in a Pod with a token\n")
            return 2
        cluster, patience = Administration(credentials), Patience(options.timeout)
        if options.command == "clean-pods":
            clean_pods(cluster, patience)
            done = "No Pod has an annotation or a label of ours any more."
        else:
            objects = {
                name: json.loads((options.objects / f"{name}.json").read_text(encoding="utf-8"))
                for name in ("poddiagnoser", "pod", "crash")
            }
            check = InstallationCheck(cluster, options.namespace, objects)
            check.run(patience, crash=options.crash)
            done = "Crashes are diagnosed." if options.crash else "PodDiagnosers work."
    except (InstallationError, ApiError, SettingsError, OSError) as error:
        sys.stderr.write(f"pod-diagnoser: {error}\n")
        return 1
    sys.stdout.write(f"{done}\n")
    return 0
