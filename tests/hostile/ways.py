"""The ways in, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tests.hostile.attaching import Attaching
from tests.hostile.beside import Beside
from tests.hostile.campaign import Target
from tests.hostile.looking import Looking, Watching
from tests.hostile.machine import Machine
from tests.hostile.recording import Recorded
from tests.hostile.serving import Serving
from tests.hostile.session import Answering, InMemory
from tests.hostile.supervised import Supervised

WAYS: Final[dict[str, Callable[[], Target]]] = {
    "answering": Answering,
    "detrempe": InMemory,
    "beside": Beside,
    "supervised": Supervised,
    "serving": Serving,
    "attaching": Attaching,
    "machine": Machine,
    "recording": Recorded,
    "looking": Looking,
    "watching": Watching,
}
