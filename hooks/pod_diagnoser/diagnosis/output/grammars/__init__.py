"""The grammars, the surest first. Pure.

The order counts where two find events of one weight that begin at one line: the first wins.
"""

from typing import Final

from pod_diagnoser.diagnosis.output.grammar import Grammar
from pod_diagnoser.diagnosis.output.grammars import (
    dotnet,
    erlang,
    generic,
    golang,
    java,
    jvm,
    lua,
    native,
    node,
    perl,
    php,
    python,
    ruby,
    rust,
    shell,
    spring,
)

GRAMMARS: Final[tuple[Grammar, ...]] = (
    spring.GRAMMAR,
    jvm.GRAMMAR,
    java.GRAMMAR,
    python.GRAMMAR,
    golang.GRAMMAR,
    rust.GRAMMAR,
    php.GRAMMAR,
    node.GRAMMAR,
    dotnet.GRAMMAR,
    ruby.GRAMMAR,
    perl.GRAMMAR,
    lua.GRAMMAR,
    native.GRAMMAR,
    erlang.GRAMMAR,
    shell.GRAMMAR,
    generic.GRAMMAR,
)
