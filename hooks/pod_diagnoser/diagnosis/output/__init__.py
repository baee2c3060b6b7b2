"""The reader of crashed programs' output: which lines say why it ended. Pure.

text -> lines -> grammars -> picking -> OutputReading
"""

from pod_diagnoser.diagnosis.output.picking import read_output
from pod_diagnoser.diagnosis.output.reading import OutputReading

__all__ = ["OutputReading", "read_output"]
