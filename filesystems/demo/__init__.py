"""A session on detrempe, replayed and checked: ``python -m filesystems.demo``.

This is no test framework: a list of steps, each one a shell command with a
check of what it showed.  The tests replay the same list.
"""

from filesystems.demo.play import pick_bin, pick_tree, play, session
from filesystems.demo.steps import STEPS, Outcome, Stage, Step, Surprise

__all__ = ["STEPS", "Outcome", "Stage", "Step", "Surprise", "pick_bin", "pick_tree", "play", "session"]
