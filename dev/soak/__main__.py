"""Run a soak, and print what it found as Markdown tables.

    python -m dev.soak [--minutes 30] [--warm-up 7]

The exit code is 0 where everything is as it should be, 1 where it is not, 2 where nothing could be
measured.
"""

import argparse
import sys
from collections.abc import Sequence

from dev.benchmarks.figures import table
from dev.benchmarks.quiet import Quiet
from dev.envtest import build
from dev.envtest.client import ApiError
from dev.envtest.process import StartError
from dev.local_http import NoAnswerError
from dev.soak import findings, load

_VIOLATED, _NOT_MEASURED = 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a soak.

    Args:
        arguments: the command line's; None takes this process's own.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="soak", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=_minutes, default=30.0, help="for how long (30)")
    parser.add_argument(
        "--warm-up",
        type=_minutes,
        default=load.WARM_UP,
        help=f"minutes until it counts ({load.WARM_UP:g})",
    )
    options = parser.parse_args(arguments)
    with Quiet() as quiet:
        try:
            found = load.soak(options.minutes, options.warm_up)
        except (build.MissingError, StartError) as problem:
            sys.stderr.write(f"Not measured: {problem}\n")
            return _NOT_MEASURED
        except (ApiError, NoAnswerError, OSError) as problem:
            sys.stderr.write(f"The load ended early: {problem}\n")
            return _VIOLATED
        note = quiet.note()
    tables = findings.tables(found)
    sys.stdout.write(f"{options.minutes:g} minutes after {options.warm_up:g} of warm-up. {note}\n")
    for heading, lines in tables.items():
        sys.stdout.write("\n" + table(f"#### {heading}", lines))
    return _VIOLATED if findings.is_violated(tables) else 0


def _minutes(text: str) -> float:
    value = float(text)
    if not 0 < value < load.MOST_MINUTES:
        message = f"must be between 0 and {load.MOST_MINUTES:.0f}"
        raise argparse.ArgumentTypeError(message)
    return value


if __name__ == "__main__":
    sys.exit(main())
