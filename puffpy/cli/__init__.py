"""The ``puffpy`` command: file systems checked, mounted, listed, and recordings looked at and run again.

No work is done here that a front door does not offer; a subcommand reads its words, calls, and prints.

``main``       the command line: which subcommand, and what every error looks like
``locate``     ``MODULE[:NAME]`` to a file system's class
``making``     arguments and ``-o`` options to a file system
``colour``     colour, on a terminal only

``words``      what the subcommands' command lines have in common

One file for each subcommand: ``check``, ``dump``, ``listing`` (that is ``puffpy list``), ``mount``, ``ops``,
``replay``.
"""

from puffpy.cli.main import main

__all__ = ["main"]
