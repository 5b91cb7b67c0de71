"""A file system in one process, its mount in another, and a UNIX socket between them.

    greeting    what the two say to each other before the first message
    serving     the side that has the file system: listens, one session for each connection
    sharing     one file system for several kernels
    attaching   the side that has the mount: hands the device over, or relays
    apart       both from one command, the serving side with hardly any rights

What messages mean is not known here.
"""

from puffpy.unixsocket.apart import serve_apart
from puffpy.unixsocket.attaching import Attachment, connect
from puffpy.unixsocket.serving import Listener

__all__ = ["Attachment", "Listener", "connect", "serve_apart"]
