"""The grammars, the surest first. Pure.

The order counts where two find events of the same weight in one run: the first grammar wins.
"""

from typing import Final

from pod_diagnoser.diagnosis.output.grammar import Grammar
from pod_diagnoser.diagnosis.output.grammars import generic, golang, python, shell

GRAMMARS: Final[tuple[Grammar, ...]] = (
    python.GRAMMAR,
    golang.GRAMMAR,
    shell.GRAMMAR,
    generic.GRAMMAR,
)
