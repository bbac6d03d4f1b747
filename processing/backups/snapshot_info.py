"""The description of a snapshot (about.json). It is written last, and contains the checksums of the snapshot's other files."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from processing.backups import BackupError

FORMAT = 1
ABOUT, MANIFEST, SECRET = "about.json", "manifest.jsonl.gz", "secret_key"


@dataclass(frozen=True, slots=True)
class SnapshotInfo:
    version: str
    """The version of Darkroom."""
    taken_at: str
    database: str
    """The name of the database file, which shows the kind of database."""
    migrations: list[str]
    files: int
    bytes: int
    renditions: bool
    has_bucket: bool
    """True if the manifest has files that were in a bucket."""
    lacking: list[str]
    """Keys of files that were missing or damaged in the installation itself."""
    sha256: dict[str, str]
    format: int = FORMAT


def write(directory: Path, about: SnapshotInfo) -> None:
    (directory / ABOUT).write_text(json.dumps(asdict(about), indent=1), encoding="utf-8")


def read(directory: Path) -> SnapshotInfo:
    """Returns the description. Raises BackupError if its format is unknown, or the checksum of a file differs."""
    fields = json.loads((directory / ABOUT).read_text(encoding="utf-8"))
    if fields.get("format") != FORMAT:
        raise BackupError(f"{directory} has a format that this version of Darkroom can't read.")
    about = SnapshotInfo(**fields)
    for name, sha256 in about.sha256.items():
        if not (directory / name).is_file() or checksum(directory / name) != sha256:
            raise BackupError(f"{directory / name} is damaged. Use --at to choose an older snapshot.")
    return about


def checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
