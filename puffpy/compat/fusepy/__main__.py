"""``python -m puffpy.compat.fusepy``: a program that uses fusepy, run on puffpy.

What is done is in ``running``.
"""

import sys

from puffpy.compat.fusepy.running import main

main(sys.argv[1:])
