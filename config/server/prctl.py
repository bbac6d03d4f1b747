"""What Linux does for a process that asks for it (prctl(2)): ends it together with its parent, and lets no other look into it."""

import ctypes
import os
import signal

PR_SET_PDEATHSIG, PR_SET_DUMPABLE = 1, 4
_libc = ctypes.CDLL(None, use_errno=True)


def end_with(parent: int, sign: signal.Signals) -> None:
    """To be called in the child, before exec. `parent` is the process that was to be it: it may have ended already."""
    if _libc.prctl(PR_SET_PDEATHSIG, sign, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        os.kill(os.getpid(), sign)


def hide_memory() -> None:
    """Other processes of the same user can no longer trace this one, nor read its memory, environment or open files.

    Root can. There are no core dumps any more. What /proc tells everybody stays: command line, status, memory in use. It lasts
    until exec, and holds for processes that are forked from this one.
    """
    _libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
