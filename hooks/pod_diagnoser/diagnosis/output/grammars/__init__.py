"""The grammars, the surest first. Pure.

The order counts where two find events of one weight that begin at one line: the first wins.
"""

from typing import Final

from pod_diagnoser.diagnosis.output.grammar import Grammar
from pod_diagnoser.diagnosis.output.grammars import (
    dotnet,
    elasticsearch,
    envoy,
    erlang,
    flags,
    generic,
    golang,
    java,
    jvm,
    languages,
    lua,
    mongodb,
    mysql,
    native,
    nginx,
    node,
    perl,
    php,
    postgres,
    python,
    redis,
    ruby,
    rust,
    shell,
    spring,
    structured,
)

GRAMMARS: Final[tuple[Grammar, ...]] = (
    spring.GRAMMAR,
    elasticsearch.GRAMMAR,
    nginx.GRAMMAR,
    nginx.HAPROXY,
    nginx.HTTPD,
    postgres.GRAMMAR,
    mysql.GRAMMAR,
    redis.GRAMMAR,
    mongodb.GRAMMAR,
    envoy.GRAMMAR,
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
    flags.GRAMMAR,
    shell.GRAMMAR,
    shell.PERROR,
    languages.GRAMMAR,
    structured.GRAMMAR,
    generic.GRAMMAR,
)
