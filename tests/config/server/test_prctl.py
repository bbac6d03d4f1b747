"""Who can look into a process that holds secrets."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
NOBODY = 65534
TOLD = "import ctypes; print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
TWO = """
import ctypes, errno, json, os, resource, sys
from pathlib import Path
from config.server import prctl
PR_SET_DUMPABLE = 4
folder, user = sys.argv[1], int(sys.argv[2])
ready, done = os.pipe(), os.pipe()
victim = os.fork()
if not victim:
    if user:
        os.setgroups([]); os.setgid(user); os.setuid(user)
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # becoming somebody else has taken it
    os.write(ready[1], b"1")
    os.read(done[0], 1)
    prctl.hide_memory()
    with open(folder + "/file", "wb") as file:
        handle = os.open("/proc/self/fd", os.O_RDONLY)
        own = [os.listdir("/proc/self/fd") != [], open("/proc/self/maps").read(1) != "", open("/proc/self/statm").read(1) != ""]
        open(folder + "/without", "wb").close()
        os.link(f"/proc/self/fd/{file.fileno()}", folder + "/linked", src_dir_fd=handle, follow_symlinks=True)
    os.write(ready[1], b"2" if all(own) else b"!")
    os.read(done[0], 1)
    os._exit(0)
if user:
    os.setgroups([]); os.setgid(user); os.setuid(user)
def said(act):
    try:
        act()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "done"
def look():
    proc = Path(f"/proc/{victim}")
    return {
        "environment": said(lambda: (proc / "environ").read_bytes()), "open files": said(lambda: list((proc / "fd").iterdir())),
        "memory": said(lambda: open(proc / "mem", "rb")), "maps": said(lambda: (proc / "maps").read_bytes()),
        "memory in use": said(lambda: (proc / "statm").read_bytes()), "status": said(lambda: (proc / "status").read_bytes()),
        "threads": said(lambda: list((proc / "task").iterdir())),
        "limits": said(lambda: resource.prlimit(victim, resource.RLIMIT_CPU)),
        "ending": said(lambda: os.kill(victim, 0)),
    }
assert os.read(ready[0], 1) == b"1"
before = look()
os.write(done[1], b"1")
own = os.read(ready[0], 1) == b"2"
after = look()
os.write(done[1], b"1")
os.waitpid(victim, 0)
print(json.dumps([before, after, own]))
"""
OPEN = ("memory in use", "status", "threads", "limits", "ending")
HIDDEN = ("environment", "open files", "memory", "maps")


def python(*words: str, **env: str) -> str:
    done = subprocess.run(
        [sys.executable, *words], cwd=PROJECT, env=os.environ | env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.once
def test_processes_of_the_same_user_cannot_look_into_one_that_hides_its_memory():
    """Root may; so the two become somebody else where the tests run as root. What the worker asks of its child stays open."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)

        before, after, is_its_own_open = json.loads(python("-c", TWO, folder, str(0 if os.getuid() else NOBODY)))

    assert before == dict.fromkeys((*OPEN, *HIDDEN), "done")
    assert {name: after[name] for name in OPEN} == dict.fromkeys(OPEN, "done")
    assert {after[name] for name in HIDDEN} <= {"EACCES", "EPERM"}
    assert is_its_own_open


@pytest.mark.once
def test_commands_the_supervisor_and_the_web_server_hide_theirs(tmp_path):
    places = {
        "manage": ("manage.py", "shell", "-v", "0", "-c", TOLD),
        "wsgi": ("-c", f"import config.wsgi; {TOLD}"),
        "master": ("-c", f"from config.server import gunicorn; gunicorn.on_starting(None); {TOLD}"),
        "supervisor": (
            "-c",
            f"from config.server import supervisor as s; s.Supervisor.run = lambda _: None; s.main(); {TOLD}",
            ".",
        ),
    }

    assert {name: python(*words, DATA_DIR=str(tmp_path)).strip() for name, words in places.items()} == dict.fromkeys(
        places, "0"
    )


@pytest.mark.once
def test_a_process_may_be_looked_into_by_default():
    assert python("-c", TOLD).strip() == "1"
