"""``puffpy completion``: what a shell needs to complete the command line, made from the command line itself.

What there is to complete is ``commands``'s; each shell has its own way to be told.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from puffpy.cli.commands import Command, Option, commands
from puffpy.cli.words import Subparsers, subcommand

EXAMPLES: Final = """
eval "$(puffpy completion bash)"                                    in ~/.bashrc
puffpy completion zsh > ~/.zfunc/_puffpy                            with ~/.zfunc in fpath
puffpy completion fish > ~/.config/fish/completions/puffpy.fish
"""


def add(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    says = "print the completion script of a shell"
    parser = subcommand(subparsers, "completion", run, says, EXAMPLES)
    parser.add_argument("shell", choices=tuple(SCRIPTS), metavar="SHELL", help=", ".join(SCRIPTS))
    # The whole command line, which is not complete before this runs.
    parser.set_defaults(subparsers=subparsers)


def run(args: argparse.Namespace) -> int:
    """Print it."""
    print(SCRIPTS[args.shell](commands(args.subparsers)), end="")
    return 0


def bash(known: list[Command]) -> str:
    """Return the script for bash."""
    names = " ".join(each.name for each in known)
    cases = []
    for each in known:
        options = " ".join(word for option in each.options for word in option.words)
        valued = "|".join(word for option in each.options if option.metavar for word in option.words)
        words = " ".join(each.choices)
        cases.append(
            f"    {each.name})\n"
            f'      options="{options}"\n      words="{words}"\n'
            + (f"      case $before in {valued}) options= words= ;; esac\n" if valued else "")
            + "      ;;"
        )
    body = "\n".join(cases)
    return f"""\
# puffpy's completion for bash.
_puffpy() {{
  local here=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} options= words=
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W "{names} --help --version" -- "$here"))
    return
  fi
  case ${{COMP_WORDS[1]}} in
{body}
  esac
  if [[ $here == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$here"))
  else
    COMPREPLY=($(compgen -W "$words" -- "$here") $(compgen -f -- "$here"))
  fi
}}
complete -o filenames -F _puffpy puffpy
"""


def zsh(known: list[Command]) -> str:
    """Return the script for zsh."""
    names = "\n".join(f"    {_quoted(f'{each.name}:{each.says}')}" for each in known)
    cases = []
    for each in known:
        lines = [_quoted(_zsh_option(word, option)) for option in each.options for word in option.words]
        choices = f"({' '.join(each.choices)})" if each.choices else "_files"
        lines.append(_quoted(f"*:argument:{choices}"))
        cases.append(f"    {each.name})\n      _arguments " + " \\\n        ".join(lines) + "\n      ;;")
    body = "\n".join(cases)
    return f"""\
#compdef puffpy
# puffpy's completion for zsh.
_puffpy() {{
  local -a names
  names=(
{names}
  )
  if ((CURRENT == 2)); then
    _describe command names
    return
  fi
  local name=$words[2]
  shift words
  ((CURRENT--))
  case $name in
{body}
  esac
}}
if [[ $funcstack[1] == _puffpy ]]; then
  _puffpy "$@"
else
  compdef _puffpy puffpy
fi
"""


def fish(known: list[Command]) -> str:
    """Return the script for fish."""
    lines = ["# puffpy's completion for fish.", "set -l names " + " ".join(each.name for each in known)]
    first = "complete -c puffpy -n 'not __fish_seen_subcommand_from $names'"
    first = first.replace("$names", " ".join(each.name for each in known))
    for each in known:
        lines.append(f"{first} -f -a {each.name} -d {_quoted(each.says)}")
    for each in known:
        here = f"complete -c puffpy -n '__fish_seen_subcommand_from {each.name}'"
        for option in each.options:
            words = " ".join(
                f"-l {word[2:]}" if word.startswith("--") else f"-s {word[1:]}" for word in option.words
            )
            lines.append(f"{here} {words}{' -r' if option.metavar else ''} -d {_quoted(option.says)}")
        if each.choices:
            lines.append(f"{here} -f -a {_quoted(' '.join(each.choices))}")
    del lines[1]
    return "\n".join(lines) + "\n"


def _zsh_option(word: str, option: Option) -> str:
    takes = f":{_bracketed(option.metavar)}:_files" if option.metavar else ""
    return f"{word}[{_bracketed(option.says)}]{takes}"


SCRIPTS: Final[Mapping[str, Callable[[list[Command]], str]]] = MappingProxyType(
    {"bash": bash, "zsh": zsh, "fish": fish}
)


def _quoted(text: str) -> str:
    """Return *text* as one word, in single quotes; zsh and bash end them for a quote within, fish as well."""
    return "'" + text.replace("'", "'\\''") + "'"


def _bracketed(text: str) -> str:
    return text.replace("[", "(").replace("]", ")").replace(":", ";")
