"""Hostile input: what no kernel, front end, guest or peer that means well says, at every way in.

A *case* is what somebody says, message by message.  A *target* is a way in: it knows cases that are as they
should be, plays any other, and says what became of it that must not.

    cases       what was said, and the corpus: cases that found something, one a line
    mutations   one case into others: cut, stretched, extremes, parts of others, noise
    health      what no case may do: lines in the log, memory, descriptors, threads, time
    lines       which lines of the package a case has reached that none did before (Python 3.12)
    campaign    plays the corpus, then new cases until the time is over
    scale       how long that is
    ways        the targets, by name
    distil      cuts the corpus down to what leads somewhere

    said        what a kernel says, as it should
    session     a kernel; the vector answers everything, or is a file system in memory
    beside      a kernel, while operations run in threads or as tasks
    supervised  a kernel, and servers that die
    serving     who connects to a file system's socket
    attaching   who serves at a socket, to whoever mounts that
    machine     a virtual machine: its front end, and its guest
    recording   a file that ought to be a recording
    looking     who looks at a server; and a server that is looked at

``make fuzz`` takes an hour; the tests take a moment of each.  ``PUFFPY_FUZZ_SEED`` says where to begin.
"""
