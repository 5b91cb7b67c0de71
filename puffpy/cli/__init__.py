"""The ``puffpy`` command: file systems begun, checked, mounted and looked at.

No work is done here that a front door does not offer; a subcommand reads its words, calls, and prints.

``main``        the command line: which subcommand, and what every error looks like
``words``       what the subcommands' command lines have in common
``locate``      ``MODULE[:NAME]`` to a file system's class
``plugins``     what other packages bring
``colour``      colour, on a terminal only
``progress``    how far a long work is, on a terminal only
``figures``     a trace as text
``recording``   a recording read for looking at
``moment``      what a mount did between two looks, in words; ``screen`` shows it live
``machine``     what this machine has; ``trial`` mounts for a moment, to hear what its kernel offers
``commands``    the command line as a table, for completion
``template``    what ``new`` makes

One file for each subcommand, called as it is; ``listing`` is ``puffpy list``.
"""

from puffpy.cli.main import main

__all__ = ["main"]
