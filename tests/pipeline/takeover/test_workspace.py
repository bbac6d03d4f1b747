"""The worker moves files out of a child's directory without following what the child put there."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from processing.pipeline.picture import Rendition
from processing.pipeline.process.messages import InvalidMessage
from processing.pipeline.process.workspace import Workspace
from tests.pipeline.takeover.conftest import NEEDS_CONFINEMENT, SECRET, untouched

pytestmark = NEEDS_CONFINEMENT


class TestWorkspace:
    """Files that a child could create in its workspace on a kernel that does not confine it."""

    @pytest.fixture
    def workspace(self) -> Iterator[Workspace]:
        workspace = Workspace(None)
        yield workspace
        workspace.close()

    def leave(self, workspace: Workspace, kind: str, home: Path) -> Path:
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
    def test_only_regular_files_are_accepted_and_all_others_removed(
        self, workspace: Workspace, installation: Path, kind: str
    ) -> None:
        path = self.leave(workspace, kind, installation)

        with pytest.raises(InvalidMessage):
            workspace.move_output(Rendition(str(path), 4, 3, path.lstat().st_size), installation)
        workspace.clear()

        assert list(workspace.out.iterdir()) == []
        assert untouched(installation)

    def test_a_file_on_another_file_system_is_copied(
        self, workspace: Workspace, installation: Path, monkeypatch
    ) -> None:
        def fail_as_across_file_systems(*_: object) -> None:
            raise OSError(18, "EXDEV")

        monkeypatch.setattr(os, "link", fail_as_across_file_systems)

        with workspace.open_source(installation / "secret_key") as copy:
            assert copy.read_text() == SECRET
        assert not copy.exists()

    def test_the_workspace_of_a_killed_worker_is_removed_and_one_in_use_is_kept(self, tmp_path: Path) -> None:
        live = Workspace(tmp_path)
        dead = Workspace(tmp_path)
        (dead.path / "in" / "photo").write_text("x")
        dead._in_use.close()  # as the kernel does when the worker dies

        new = Workspace(tmp_path)

        assert sorted(tmp_path.glob("sandbox-*")) == sorted([live.path, new.path])
        for workspace in (live, new):
            workspace.close()
        assert list(tmp_path.glob("sandbox-*")) == []
