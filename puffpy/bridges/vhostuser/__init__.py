"""A bridge to virtual machines: vhost-user-fs for a front end such as QEMU, virtiofs for its guest.

Not a machine, and nothing that a guest could be run with; and nothing the guest says is believed.

    messages      the requests of the control connection, as a table
    control       whole control messages and their descriptors
    listening     the socket that front ends connect to
    memory        the guest's memory: addresses to views, within bounds
    chains        the buffers of one request, and copying out of and into them
    rings         the queues that a guest puts requests into
    device        what a front end sets up, message by message
    greeting      INIT, changed as it passes by
    passthrough   files read and written straight to and from the guest's memory
    readonly      what is refused where nothing may be changed
    bridge        all of it together: start here
    commands      what to say to QEMU and in the guest
"""

from puffpy.bridges.vhostuser.bridge import VhostUser
from puffpy.bridges.vhostuser.commands import TAG, commands

__all__ = ["TAG", "VhostUser", "commands"]
