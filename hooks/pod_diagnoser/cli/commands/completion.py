"""``kubectl-diagnose completion SHELL``: the script by which a shell completes the command line."""

from typing import Final

import click

from pod_diagnoser.cli.terminal import write_lines

_SCRIPTS: Final = {
    "bash": """\
_kubectl_diagnose() {
    local IFS=$'\\n'
    local words=("${COMP_WORDS[@]:1:COMP_CWORD}")
    COMPREPLY=($(kubectl_complete-diagnose "${words[@]}" 2>/dev/null | grep -v '^:'))
}
complete -o bashdefault -o default -F _kubectl_diagnose kubectl-diagnose""",
    "zsh": """\
#compdef kubectl-diagnose
_kubectl_diagnose() {
    local -a found
    found=(${(f)"$(kubectl_complete-diagnose "${(@)words[2,CURRENT]}" 2>/dev/null | grep -v '^:')"})
    if (( ${#found} )); then compadd -a found; else _files; fi
}
compdef _kubectl_diagnose kubectl-diagnose""",
    "fish": """\
function __kubectl_diagnose
    set -l words (commandline -opc) (commandline -ct)
    kubectl_complete-diagnose $words[2..-1] 2>/dev/null | string match -v ':*'
end
complete -c kubectl-diagnose -a '(__kubectl_diagnose)'""",
}


@click.command(name="completion", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("shell", type=click.Choice(tuple(_SCRIPTS)))
def command(shell: str) -> None:
    """Print the script by which SHELL completes kubectl-diagnose.

    For bash: source <(kubectl-diagnose completion bash). Nothing is needed for kubectl diagnose:
    kubectl's own completion asks kubectl_complete-diagnose on the PATH.
    """
    write_lines([_SCRIPTS[shell]])
