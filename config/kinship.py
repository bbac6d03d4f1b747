"""A process that ends together with its parent, however that ends: Linux sends it a signal (prctl(2), PR_SET_PDEATHSIG)."""

import ctypes
import os
import signal

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def end_with(parent: int, sign: signal.Signals) -> None:
    """To be called in the child, before exec. `parent` is the process that was to be it: it may have ended already."""
    if _libc.prctl(PR_SET_PDEATHSIG, sign, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        os.kill(os.getpid(), sign)
