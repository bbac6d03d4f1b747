"""What a snapshot says of itself. Its file is written last, and holds the checksums of the others."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from processing.backups import Refused

FORMAT = 1
ABOUT, MANIFEST, SECRET = "about.json", "manifest.jsonl.gz", "secret_key"


@dataclass(frozen=True, slots=True)
class About:
    version: str
    """Of Darkroom."""
    taken_at: str
    database: str
    """The file's name, by which one can tell the kind."""
    migrations: list[str]
    files: int
    bytes: int
    renditions: bool
    has_bucket: bool
    """Does it name files that lay in a bucket?"""
    lacking: list[str]
    """Keys of which the installation itself had lost the bytes, or had others than its rows say."""
    sha256: dict[str, str]
    format: int = FORMAT


def write(directory: Path, about: About) -> None:
    (directory / ABOUT).write_text(json.dumps(asdict(about), indent=1), encoding="utf-8")


def read(directory: Path) -> About:
    """Raises Refused when it is of another format, or its files are not what it says."""
    told = json.loads((directory / ABOUT).read_text(encoding="utf-8"))
    if told.get("format") != FORMAT:
        raise Refused(f"{directory} was written by another version of Darkroom, in a format that this one cannot read.")
    about = About(**told)
    for name, sha256 in about.sha256.items():
        if not (directory / name).is_file() or checksum(directory / name) != sha256:
            raise Refused(f"{directory / name} is damaged; take an older snapshot with --at.")
    return about


def checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
