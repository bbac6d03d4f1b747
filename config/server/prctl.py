"""Linux process controls (prctl(2)): end with the parent process, and hide memory from other processes.

processing/pipeline/process/confinement.py makes the same two calls in the child process. Neither can use the other: the pipeline
imports nothing of the project, and importing the pipeline would add 5 MB to the supervisor.
"""

import ctypes
import os
import signal

PR_SET_PDEATHSIG, PR_SET_DUMPABLE = 1, 4
_libc = ctypes.CDLL(None, use_errno=True)


def end_with_parent(parent: int, sign: signal.Signals) -> None:
    """Makes Linux send `sign` to this process when its parent ends. Call it in the child, before exec.

    `parent` is the process id of the expected parent. If it has ended already, the signal is sent now. Raises OSError.
    """
    if _libc.prctl(PR_SET_PDEATHSIG, sign, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        os.kill(os.getpid(), sign)


def hide_memory() -> None:
    """Prevents other processes of the same user from tracing this one and from reading its memory, environment or open files.

    Root still can. Core dumps are disabled. Command line, status and memory use stay visible in /proc. The effect lasts until
    exec, and forked processes inherit it.
    """
    _libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
