"""`multimail completion bash|zsh|fish`: a script for the shell that completes commands and their flags."""

import argparse
from importlib import import_module
from typing import Final

from multimail.commands import COMMANDS, operations

BASH: Final = """\
# multimail completion bash > ~/.local/share/bash-completion/completions/multimail
_multimail() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} flags=
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W "{commands}" -- "$word"))
    return
  fi
  case ${{COMP_WORDS[1]}} in
{cases}
  esac
  if [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$word"))
  else
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}}
complete -o filenames -F _multimail multimail
"""
ZSH: Final = """\
#compdef multimail
# multimail completion zsh > "${{fpath[1]}}/_multimail"
autoload -U +X bashcompinit && bashcompinit
{bash}"""


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=SCRIPTS, help="Which shell's.")


def flags_of(name: str) -> list[str]:
    """The long flags of a command."""
    parser = argparse.ArgumentParser(name)
    if name in COMMANDS:
        import_module(f"multimail.commands.{name}").add(parser)
    else:
        import_module("multimail.commands.call").add(parser, operations()[name])
    found = {flag for action in parser._actions for flag in action.option_strings}
    return sorted(flag for flag in found if flag.startswith("--"))


def bash() -> str:
    names = [*COMMANDS, *operations()]
    cases = "\n".join(f"    {name}) flags='{' '.join(flags_of(name))}' ;;" for name in names)
    return BASH.format(commands=" ".join(names), cases=cases)


def fish() -> str:
    lines = ["# multimail completion fish > ~/.config/fish/completions/multimail.fish"]
    for name in (*COMMANDS, *operations()):
        lines.append(f"complete -c multimail -n __fish_use_subcommand -a {name}")
        lines += [
            f"complete -c multimail -n '__fish_seen_subcommand_from {name}' -l {flag[2:]}"
            for flag in flags_of(name)
        ]
    return "\n".join(lines) + "\n"


SCRIPTS: Final = {"bash": bash, "zsh": lambda: ZSH.format(bash=bash()), "fish": fish}


def run(arguments: argparse.Namespace) -> int:
    print(SCRIPTS[arguments.shell](), end="")
    return 0
