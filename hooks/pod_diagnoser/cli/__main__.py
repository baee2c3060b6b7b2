"""``python -m pod_diagnoser.cli``: the command ``kubectl-diagnose``."""

import sys

from pod_diagnoser.cli.command import main

sys.exit(main())
