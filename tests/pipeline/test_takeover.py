"""An attacker's code in the decoding child, which is started as a worker starts it, can access nothing but its own photo.

The photo of each test is a program, which `tests.pipeline.impostor` runs inside the real sandbox.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from processing.pipeline import ImageRejected, Picture
from processing.pipeline.picture import Rendition
from processing.pipeline.process import client as child_process
from processing.pipeline.process import landlock, seccomp
from processing.pipeline.process.messages import InvalidMessage
from processing.pipeline.process.workspace import Workspace
from processing.rendering.sandbox import Crashed, Sandbox

SECRET = "the secret of this installation"
OTHER_FILES = {
    "secret_key": SECRET,
    "db.sqlite3": "password hashes",
    "incoming/other": "somebody's photo",
    "originals/one": "kept",
}
DENIED = {"EACCES", "EPERM"}


def _has_landlock() -> bool:
    try:
        return landlock.version() >= 6
    except landlock.LandlockUnavailable:
        return False


pytestmark = [
    pytest.mark.skipif(
        os.uname().machine not in seccomp.ARCHITECTURES, reason="no list of system calls for this architecture"
    ),
    pytest.mark.skipif(not _has_landlock(), reason="this kernel has no Landlock, or an older one"),
]


@pytest.fixture
def installation(tmp_path: Path) -> Path:
    """Creates files that a decoder must not access, around its photo."""
    for name, content in OTHER_FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    return tmp_path


@pytest.fixture
def sandbox(installation: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    monkeypatch.setattr(child_process, "MODULE", "tests.pipeline.impostor")
    monkeypatch.setenv("SECRET_KEY", SECRET)
    with Sandbox(workspaces=installation / "sandbox", wall_seconds=60) as sandbox:
        yield sandbox


def run(sandbox: Sandbox, installation: Path, code: str, **names: Any) -> Picture:
    """Develops a photo that is this program, which can use the names passed here, and the installation's path as `home`."""
    variables = {"home": str(installation), "worker": os.getpid(), **names}
    source = installation / "incoming" / "photo"
    source.write_text("\n".join(f"{name} = {value!r}" for name, value in variables.items()) + "\n" + dedent(code))
    return sandbox.develop(source, installation / "renditions")


def report_of(sandbox: Sandbox, installation: Path, code: str, **names: Any) -> Any:
    """Returns the value that the program has assigned to `report`."""
    code = (
        dedent(code)
        + '\nimport json\nresponse = {"error": "broken", "message": json.dumps(report), "permanent": True}\n'
    )
    with pytest.raises(ImageRejected) as caught:
        run(sandbox, installation, code, **names)
    assert caught.value.code == "broken", caught.value.__notes__
    return json.loads(caught.value.message)


def other_files_are_unchanged(installation: Path) -> bool:
    return {name: (installation / name).read_text() for name in OTHER_FILES} == OTHER_FILES


def test_the_child_can_read_its_photo_and_no_other_file(sandbox: Sandbox, installation: Path) -> None:
    report = report_of(
        sandbox,
        installation,
        """
        import os
        paths = [f"{home}/{name}" for name in ("secret_key", "db.sqlite3", "incoming/other", "incoming/photo", "originals/one")]
        paths += ["/etc/passwd", "/etc/hostname", "/proc/self/environ", "/proc/self/maps", "/proc/1/environ", "/proc/meminfo"]
        paths += [f"/proc/{worker}/{name}" for name in ("environ", "maps", "mem", "cmdline", "fd/0", "root/etc/passwd", "cwd")]
        own = request["source"]
        paths += [own.rpartition("/in/")[0] + "/in-use", own.removesuffix("photo") + "../../../secret_key"]
        report = {path.replace(home, ""): attempt(lambda path=path: open(path, "rb").read(1)) for path in paths}
        directories = ("/", home, f"{home}/incoming", f"{home}/sandbox", "/proc", f"/proc/{worker}/fd", "/root", "/etc", ".")
        report |= {f"list {path.replace(home, '')}": attempt(os.listdir, path) for path in directories}
        report["own photo"] = attempt(lambda: open(own, "rb").read(1))
        """,
    )

    assert report.pop("own photo") == "done"
    assert {name: error for name, error in report.items() if error not in DENIED} == {}


def test_the_child_can_write_only_to_its_output_folder_and_delete_no_other_file(
    sandbox: Sandbox, installation: Path
) -> None:
    report = report_of(
        sandbox,
        installation,
        """
        import os
        out, own, made = request["out"], request["source"], request["out"] + "/made"
        open(made, "w").close()
        original = f"{home}/originals/one"
        def write(path):
            open(path, "wb").write(b"pwned")
        paths = [original, f"{home}/db.sqlite3", f"{home}/new", f"{home}/huey.sqlite3", "/tmp/new", "/dev/shm/new", own]
        paths += [own + "2", out + "/../new", os.getcwd() + "/processing/pipeline/process/child.py", f"/proc/{worker}/mem"]
        report = {f"write {path.replace(home, '')}": attempt(write, path) for path in paths}
        report["delete"] = attempt(os.unlink, original)
        report["rename"] = attempt(os.rename, original, f"{home}/originals/two")
        report["truncate"] = attempt(os.truncate, original, 0)
        report["truncate its photo"] = attempt(os.open, own, os.O_RDONLY | os.O_TRUNC)
        report["replace"] = attempt(os.replace, made, original)
        report["move away"] = attempt(os.rename, original, out + "/one")
        report["delete its own output"] = attempt(os.unlink, made)
        report["change the mode"] = attempt(os.chmod, f"{home}/secret_key", 0o644)
        report["change the owner"] = attempt(os.chown, original, 1, 1)
        report["times"] = attempt(os.utime, original)
        report["attribute"] = attempt(os.setxattr, original, "user.x", b"x")
        report["hard link in"] = attempt(os.link, f"{home}/secret_key", out + "/secret")
        report["hard link of its photo"] = attempt(os.link, own, out + "/400.webp")
        report["hard link out"] = attempt(os.link, made, f"{home}/made")
        report["symbolic link"] = attempt(os.symlink, f"{home}/secret_key", out + "/400.webp")
        report["pipe"] = attempt(os.mkfifo, out + "/pipe")
        report["device"] = attempt(os.mknod, out + "/device", 0o20666, os.makedev(1, 1))
        report["directory"] = attempt(os.mkdir, out + "/directory")
        report["without a name"] = attempt(os.open, out, os.O_TMPFILE | os.O_RDWR)
        """,
    )

    assert {name: error for name, error in report.items() if error not in DENIED} == {}
    assert other_files_are_unchanged(installation)
    assert not (installation / "renditions").exists()


def test_the_child_inherits_neither_environment_nor_descriptors_of_the_worker(
    sandbox: Sandbox, installation: Path
) -> None:
    with (installation / "db.sqlite3").open("rb") as inherited:
        os.set_inheritable(inherited.fileno(), True)
        report = report_of(
            sandbox,
            installation,
            """
            import os, stat
            open_ones = {}
            for number in range(256):
                try:
                    status = os.fstat(number)
                except OSError:
                    continue
                open_ones[number] = stat.S_IFMT(status.st_mode)
            pipes = [number for number, kind in open_ones.items() if kind == stat.S_IFIFO]
            files = [number for number, kind in open_ones.items() if kind == stat.S_IFREG]
            sizes = [os.fstat(number).st_size for number in files]
            report = {"variables": dict(os.environ), "pipes": len(pipes), "sizes": sizes, "count": len(open_ones)}
            """,
        )

    expected = child_process.ENVIRONMENT | {"LC_CTYPE": "C.UTF-8"}
    assert {name: value for name, value in report["variables"].items() if expected.get(name) != value} == {}
    # stdin, /dev/null twice, the pipes for requests and responses, and the child's statm, which has size 0.
    assert (report["pipes"], report["sizes"], report["count"]) == (2, [0], 6)


def test_the_child_has_no_network(sandbox: Sandbox, installation: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(installation / "socket"))
        unix.listen()
        report = report_of(
            sandbox,
            installation,
            """
            import socket
            def connect(family, kind, address):
                socket.socket(family, kind).connect(address)
            report = {
                "tcp": attempt(connect, socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", port)),
                "udp": attempt(connect, socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", port)),
                "ipv6": attempt(connect, socket.AF_INET6, socket.SOCK_STREAM, ("::1", port)),
                "unix": attempt(connect, socket.AF_UNIX, socket.SOCK_STREAM, f"{home}/socket"),
                "abstract": attempt(connect, socket.AF_UNIX, socket.SOCK_STREAM, chr(0) + "bus"),
                "netlink": attempt(socket.socket, socket.AF_NETLINK, socket.SOCK_RAW, 0),
                "vsock": attempt(socket.socket, 40, socket.SOCK_STREAM, 0),
                "pair": attempt(socket.socketpair),
            }
            """,
            port=tcp.getsockname()[1],
        )

    assert set(report.values()) == {"EPERM"}


def test_the_child_can_neither_affect_other_processes_nor_fork_nor_raise_its_limits(
    sandbox: Sandbox, installation: Path
) -> None:
    report = report_of(
        sandbox,
        installation,
        """
        import ctypes, fcntl, mmap, os, resource, signal
        libc = ctypes.CDLL(None, use_errno=True)
        def call(name, *arguments):
            if getattr(libc, name)(*arguments) == -1:
                raise OSError(ctypes.get_errno(), "")
        report = {
            "kill": attempt(os.kill, worker, signal.SIGKILL),
            "kill all": attempt(os.kill, -1, signal.SIGKILL),
            "kill the group": attempt(os.killpg, worker, signal.SIGKILL),
            "tgkill": attempt(call, "tgkill", worker, worker, signal.SIGKILL),
            "signals by a descriptor": attempt(fcntl.fcntl, 0, fcntl.F_SETOWN, worker),
            "outlive the worker": attempt(call, "prctl", 1, 0, 0, 0, 0),
            "be traced": attempt(call, "prctl", 4, 1, 0, 0, 0),
            "limits of the worker": attempt(resource.prlimit, worker, resource.RLIMIT_NOFILE, (1, 1)),
            "priority": attempt(os.setpriority, os.PRIO_PROCESS, worker, 19),
            "processors of the worker": attempt(os.sched_setaffinity, worker, [0]),
            "session": attempt(os.setsid),
            "user": attempt(os.setuid, 1),
            "fork": attempt(os.fork),
            "uncounted memory": attempt(mmap.mmap, -1, 1 << 30),
            "memory that grows down": attempt(mmap.mmap, -1, 1 << 30, 0x122),
            "memory with a name": attempt(os.memfd_create, "x"),
            "a queue": attempt(call, "mq_open", b"/x", os.O_CREAT | os.O_RDWR, 0o600, None),
            "shared memory": attempt(call, "shmget", 1, 4096, 0o1666),
            "more memory": attempt(resource.setrlimit, resource.RLIMIT_DATA, (-1, -1)),
            "larger files": attempt(resource.setrlimit, resource.RLIMIT_FSIZE, (-1, -1)),
        }
        """,
    )

    assert {name: error for name, error in report.items() if error not in {"EPERM", "ValueError"}} == {}


DEADLY = {
    "trace": "libc.ptrace(16, worker, 0, 0)",
    "read memory": "libc.process_vm_readv(worker, 0, 0, 0, 0, 0)",
    "write memory": "libc.process_vm_writev(worker, 0, 0, 0, 0, 0)",
    "open a pidfd of the worker": "os.pidfd_open(worker)",
    "run a program": "os.execv('/bin/sh', ['sh', '-c', 'true'])",
    "make a user namespace": "libc.unshare(0x10000000)",
    "mount": "libc.mount(b'x', b'/', b'tmpfs', 0, 0)",
    "io_uring": "libc.syscall(425, 1, 0)",
}


@pytest.mark.parametrize("attempt_name", DEADLY)
def test_a_forbidden_system_call_kills_the_child(sandbox: Sandbox, installation: Path, attempt_name: str) -> None:
    with pytest.raises(Crashed):
        run(
            sandbox,
            installation,
            f"import ctypes, os\nlibc = ctypes.CDLL(None)\n{DEADLY[attempt_name]}\nresponse = {{}}",
        )

    assert sandbox.pid is None


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="int 0x80 is an instruction of x86")
def test_system_calls_by_the_numbers_of_another_architecture_kill_the_child(
    sandbox: Sandbox, installation: Path
) -> None:
    """`mov eax, 20; int 0x80; ret` calls the kernel as i386 does, where 20 is getpid."""
    with pytest.raises(Crashed):
        run(
            sandbox,
            installation,
            r"""
            import ctypes, mmap
            code = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=7)
            code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
            ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()
            response = {}
            """,
        )


def test_a_decoder_that_aborts_is_reported_as_a_crash(sandbox: Sandbox, installation: Path) -> None:
    with pytest.raises(Crashed):
        run(sandbox, installation, "import os\nos.abort()")

    assert report_of(sandbox, installation, "report = 'alive'") == "alive"


def test_threads_of_a_compromised_child_end_with_it(sandbox: Sandbox, installation: Path) -> None:
    report_of(
        sandbox,
        installation,
        "import threading, time\nthreading.Thread(target=lambda: time.sleep(600)).start()\nreport = 1",
    )
    first_pid = sandbox.pid

    sandbox.serve("somebody else")

    assert (first_pid is None, sandbox.pid) == (False, None)


def test_the_photos_of_another_owner_get_a_new_child(sandbox: Sandbox, installation: Path) -> None:
    sandbox.serve("one")
    report_of(sandbox, installation, "report = 1")
    first_pid = sandbox.pid

    sandbox.serve("one")
    second_pid = sandbox.pid
    sandbox.serve("other")
    report_of(sandbox, installation, "report = 1")

    assert first_pid == second_pid
    assert sandbox.pid not in (first_pid, None)


def test_one_file_cannot_fill_the_disk(sandbox: Sandbox, installation: Path) -> None:
    report = report_of(
        sandbox,
        installation,
        """
        def write():
            with open(request["out"] + "/huge", "wb", buffering=0) as file:
                file.seek(1 << 28)
                file.write(b"x")
        report = attempt(write)
        """,
    )

    assert report == "EFBIG"


def test_many_files_cannot_fill_the_disk(sandbox: Sandbox, installation: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("processing.pipeline.process.workspace.MAX_BYTES", 1024 * 1024)

    with pytest.raises(Crashed):
        run(
            sandbox,
            installation,
            """
            import time
            number = 0
            while True:
                number += 1
                with open(f"{request['out']}/{number}", "wb") as file:
                    file.write(bytes(100_000))
                time.sleep(0.01)
            """,
        )

    assert list((installation / "sandbox").glob("*/out/*")) == []


PICTURE = """
import os, struct
content = b"RIFF" + struct.pack("<I", 12) + b"WEBPVP8 " + bytes(4)
def rendition(name="400.webp", content=content, **changes):
    path = request["out"] + "/" + name
    with open(path, "wb") as file:
        file.write(content)
    return {"path": path, "width": 4, "height": 3, "bytes": len(content)} | changes
none = dict.fromkeys(("taken_at", "taken_from", "camera", "lens", "title", "caption", "creator", "copyright", "rating", "gps"))
picture = none | {
    "format": "JPEG", "width": 4, "height": 3, "placeholder": "data:image/webp;base64,AAAA", "recipe": RECIPE, "frames": 1,
    "keywords": [], "notes": [], "likeness": None, "colours": {"profile": None, "gamut": None, "bits": None},
    "exposure": dict.fromkeys(("aperture", "shutter_seconds", "iso", "focal_length_mm")), "renditions": [],
}
"""
HONEST = PICTURE + "response = {'picture': picture | {'renditions': [rendition()]}}"
FALSE_PICTURES = {
    "a path as format": "picture | {'format': '../../../db', 'renditions': [rendition()]}",
    "a web page as rendition": "picture | {'renditions': [rendition(content=b'<script>alert(1)</script>')]}",
    "a web page as placeholder": "picture | {'placeholder': 'data:text/html,x', 'renditions': [rendition()]}",
    "an unexpected file name": "picture | {'renditions': [rendition('index.html')]}",
    "a file in another folder": "picture | {'renditions': [rendition(path=f'{home}/secret_key', bytes=31)]}",
    "a path with ..": "picture | {'renditions': [rendition(path=request['out'] + '/../in/photo')]}",
    "the path of the photo": "picture | {'renditions': [rendition(path=request['source'])]}",
    "a size that is not the file's": "picture | {'renditions': [rendition(bytes=1)]}",
    "a missing file": "picture | {'renditions': [rendition(path=request['out'] + '/800.webp')]}",
    "the same file twice": "picture | {'renditions': [rendition(), rendition()]}",
    "no rendition": "picture",
    "another recipe": "picture | {'recipe': 'x', 'renditions': [rendition()]}",
    "a title with a NUL character": "picture | {'title': chr(0), 'renditions': [rendition()]}",
    "half of a surrogate pair": "picture | {'title': chr(0xd800), 'renditions': [rendition()]}",
    "a title that is too long": "picture | {'title': 'x' * 100_000, 'renditions': [rendition()]}",
    "an impossible aperture": "picture | {'exposure': picture['exposure'] | {'aperture': 1e18}, 'renditions': [rendition()]}",
    "a number too large": "picture | {'width': 10 ** 30, 'renditions': [rendition()]}",
    "an impossible place": "picture | {'gps': dict(latitude=1e9, longitude=0.0, altitude=None), 'renditions': [rendition()]}",
    "an invalid time": "picture | {'taken_at': 'yesterday', 'renditions': [rendition()]}",
    "a list as title": "picture | {'title': ['x'], 'renditions': [rendition()]}",
    "null": "None",
    "a list": "[]",
}
INVALID_RESPONSES = {
    "an empty response": "response = {}",
    "a preview instead": "response = {'preview': ''}",
    "an interruption": "response = {'error': 'aborted', 'message': 'x', 'permanent': False}",
    "an unknown code": "response = {'error': 'x' * 99, 'message': 'x', 'permanent': False}",
    "a message that is too long": "response = {'error': 'broken', 'message': 'x' * 9999, 'permanent': True}",
    "a message with a carriage return": "response = {'error': 'broken', 'message': 'x' + chr(13) + 'y', 'permanent': True}",
    "an impossible memory size": "response = {'error': 'too-heavy', 'message': 'x', 'permanent': True, 'needed': 10 ** 40}",
    "deeply nested brackets": "import os\nos.write(4, (200_000).to_bytes(4, 'big') + b'[' * 200_000)\nresponse = {}",
    "a length above the maximum": "import os\nos.write(4, (1 << 31).to_bytes(4, 'big'))\nresponse = {}",
}


def recipe(sandbox: Sandbox) -> str:
    return f"RECIPE = {sandbox._mark!r}\n"


def test_the_response_of_an_honest_child_is_accepted(sandbox: Sandbox, installation: Path) -> None:
    picture = run(sandbox, installation, recipe(sandbox) + HONEST)

    assert [rendition.path for rendition in picture.renditions] == [str(installation / "renditions" / "400.webp")]
    assert list((installation / "sandbox").glob("*/out/*")) == list((installation / "sandbox").glob("*/in/*")) == []


@pytest.mark.parametrize("kind", FALSE_PICTURES)
def test_a_false_statement_about_the_picture_counts_as_a_crash(sandbox: Sandbox, installation: Path, kind: str) -> None:
    with pytest.raises(Crashed):
        run(sandbox, installation, recipe(sandbox) + PICTURE + f"response = {{'picture': {FALSE_PICTURES[kind]}}}")

    assert sandbox.pid is None
    assert other_files_are_unchanged(installation)
    assert list((installation / "sandbox").glob("*/out/*")) == []


@pytest.mark.parametrize("kind", INVALID_RESPONSES)
def test_an_invalid_response_counts_as_a_crash(sandbox: Sandbox, installation: Path, kind: str) -> None:
    with pytest.raises(Crashed):
        run(sandbox, installation, INVALID_RESPONSES[kind])

    assert sandbox.pid is None


def test_responses_with_sidecar_metadata_or_a_preview_are_validated_too(sandbox: Sandbox, installation: Path) -> None:
    source = installation / "incoming" / "photo"
    source.write_text("response = {'sidecar': {'title': 'A day'}}")
    metadata = sandbox.sidecar_metadata(source)
    for value in ("{'title': 7}", "{'shell': 'x'}", "[]", "{'rating': 10 ** 9}"):
        source.write_text(f"response = {{'sidecar': {value}}}")
        with pytest.raises(Crashed):
            sandbox.sidecar_metadata(source)
    for value in ("PGh0bWw+", "*", "A" * 10):
        source.write_text(f"response = {{'preview': {value!r}}}")
        with pytest.raises(Crashed):
            sandbox.preview(source)

    assert metadata == {"title": "A day"}


class TestWorkspace:
    """Files that a child could create on a kernel without Landlock and seccomp."""

    @pytest.fixture
    def workspace(self) -> Iterator[Workspace]:
        workspace = Workspace(None)
        yield workspace
        workspace.close()

    def create(self, workspace: Workspace, kind: str, home: Path) -> Path:
        path = workspace.out / "400.webp"
        match kind:
            case "symbolic link":
                path.symlink_to(home / "secret_key")
            case "hard link":
                path.hardlink_to(home / "secret_key")
            case "pipe":
                os.mkfifo(path)
            case "directory":
                path.mkdir()
                (path / "more").write_text("x")
            case "socket":
                with socket.socket(socket.AF_UNIX) as unix:
                    unix.bind(str(path))
        return path

    @pytest.mark.parametrize("kind", ["symbolic link", "hard link", "pipe", "directory", "socket"])
    def test_only_regular_files_are_accepted_and_all_others_are_deleted(
        self, workspace: Workspace, installation: Path, kind: str
    ) -> None:
        path = self.create(workspace, kind, installation)

        with pytest.raises(InvalidMessage):
            workspace.move_output(Rendition(str(path), 4, 3, path.lstat().st_size), installation)
        workspace.clear()

        assert list(workspace.out.iterdir()) == []
        assert other_files_are_unchanged(installation)

    def test_a_source_on_another_file_system_is_copied(
        self, workspace: Workspace, installation: Path, monkeypatch
    ) -> None:
        def fail_with_exdev(*_: object) -> None:
            raise OSError(18, "EXDEV")

        monkeypatch.setattr(os, "link", fail_with_exdev)

        with workspace.open_source(installation / "secret_key") as copy:
            assert copy.read_text() == SECRET
        assert not copy.exists()

    def test_workspaces_of_killed_workers_are_deleted_and_those_in_use_are_kept(self, tmp_path: Path) -> None:
        live = Workspace(tmp_path)
        dead = Workspace(tmp_path)
        (dead.path / "in" / "photo").write_text("x")
        dead._in_use.close()  # as the kernel does for it

        own = Workspace(tmp_path)

        assert sorted(tmp_path.glob("sandbox-*")) == sorted([live.path, own.path])
        for workspace in (live, own):
            workspace.close()
        assert list(tmp_path.glob("sandbox-*")) == []
