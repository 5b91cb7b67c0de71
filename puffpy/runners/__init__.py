"""What runs an operation that waits for something: worker threads, an event loop.

Which operation is run how is in ``puffpy.ops.manner``; what becomes of its request meanwhile in ``dispatch``.
The event loops are in ``tasks`` (asyncio) and ``portal`` (all that anyio knows): to import them takes longer
than to mount, so they are imported where a vector has an ``async def``.
"""

from puffpy.runners.base import Runner
from puffpy.runners.stacks import stack_of
from puffpy.runners.workers import Workers

__all__ = ["Runner", "Workers", "stack_of"]
