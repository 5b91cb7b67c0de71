"""Which step comes next, and how often each kind comes.

That is up to a generator of random numbers and the tree, so that the same numbers lead the same way again.
"""

from __future__ import annotations

import random
from typing import Final

from tests.soak.model import Tree
from tests.soak.on_data import (
    appear,
    attribute,
    change_mode,
    create,
    hold,
    listing,
    map_and_write,
    read,
    read_held,
    truncate,
    write,
    write_held,
)
from tests.soak.on_names import (
    count,
    exchange,
    link,
    look_around,
    make_directory,
    make_symlink,
    remove,
    remove_directory,
    rename,
    replace,
    show_up,
)
from tests.soak.step import Maker, Step

WEIGHED: Final[dict[Maker, int]] = {
    create: 12,
    write: 16,
    map_and_write: 5,
    truncate: 5,
    change_mode: 3,
    attribute: 6,
    appear: 4,
    make_directory: 4,
    remove_directory: 2,
    make_symlink: 2,
    link: 4,
    remove: 8,
    rename: 6,
    replace: 4,
    exchange: 2,
    hold: 4,
    write_held: 6,
    read_held: 5,
    read: 12,
    listing: 6,
    show_up: 4,
    look_around: 2,
    count: 4,
}

MAKERS: Final = list(WEIGHED)
WEIGHTS: Final = list(WEIGHED.values())


def next_step(chance: random.Random, tree: Tree) -> Step:
    """Return what is done next."""
    while True:
        make = chance.choices(MAKERS, WEIGHTS)[0]
        step = make(chance, tree)
        if step is not None:
            return step
