"""The command line as a table: its subcommands, their options, and the words that they take.

Read off argparse, so that it is never another; what is made of it is ``completion``'s.
"""

from __future__ import annotations

import argparse

import attrs

from puffpy.cli.words import Subparsers


@attrs.frozen
class Option:
    """An option: the *words* that mean it, what it *says*, and what its value is called, if it takes one."""

    words: tuple[str, ...]
    says: str
    metavar: str


@attrs.frozen
class Command:
    """A subcommand; *choices* are the words that its arguments may be, if not any."""

    name: str
    says: str
    options: list[Option]
    choices: tuple[str, ...]


def commands(subparsers: Subparsers) -> list[Command]:
    """Return all subcommands, in the order of ``--help``."""
    # argparse keeps what the overview says of a subcommand apart from its parser.
    said = {action.dest: action.help or "" for action in subparsers._choices_actions}
    return [_command(name, said.get(name, ""), parser) for name, parser in subparsers.choices.items()]


def _command(name: str, says: str, parser: argparse.ArgumentParser) -> Command:
    options, choices = [], []
    for action in parser._actions:
        if action.help == argparse.SUPPRESS:
            continue
        if action.option_strings:
            takes = action.nargs != 0
            metavar = str(action.metavar or action.dest) if takes else ""
            options.append(Option(tuple(action.option_strings), action.help or "", metavar))
        elif action.choices:
            choices += [str(each) for each in action.choices]
        else:
            choices += getattr(action, "completions", ())
    return Command(name, says, options, tuple(choices))
