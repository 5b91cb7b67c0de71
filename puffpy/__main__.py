"""``python -m puffpy``: the ``puffpy`` command.

What it does is in ``cli``.
"""

import sys

from puffpy.cli import main

sys.exit(main())
