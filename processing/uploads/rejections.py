"""Reasons why a file is rejected: a stable code, and a message for the user."""

from dataclasses import dataclass, replace

from django.template.defaultfilters import filesizeformat

from processing.models import states
from processing.models.states import COMPANION_FILE


@dataclass(frozen=True, slots=True)
class Refusal:
    code: str
    message: str

    def filled(self, **values: object) -> "Refusal":
        return replace(self, message=self.message.format(**values))


EMPTY = Refusal("empty-file", "The file is empty (0 bytes). Copy it from the camera or card again.")
TOO_LARGE = Refusal("too-large", "The file is larger than {limit}, the maximum for one file.")
TOO_MANY = Refusal(
    "too-many-files",
    "An upload can have {limit} files. Upload this one separately.",
)
DISK_FULL = Refusal(
    "disk-full",
    "The server's disk is nearly full, so this file was not stored. Upload it again when space is freed.",
)
STORAGE_AWAY = Refusal("storage-away", "The file could not be stored. {reason} Then upload it again.")
STAGING_FULL = Refusal(
    "staging-full",
    "Too many files are waiting to be processed. Upload this one again later.",
)
OWN_STAGING_FULL = Refusal(
    "own-staging-full",
    "Your waiting and failed files use all of your space. Upload this one again when some are processed, or dismiss failed "
    "ones first.",
)
DUPLICATE = Refusal(states.DUPLICATE, "Already in this album as {name}.")
KEPT_ALREADY = Refusal(states.DUPLICATE, "Already stored in this album as {name}.")
RESTORED = Refusal("restored", "Restored from this album's trash, as {name}.")
TWICE = Refusal(
    states.DUPLICATE,
    "Same file as {name}. It was not stored twice.",
)
CUT_OFF = Refusal("cut-off", "The connection broke during the upload. Upload the file again.")
UNREADABLE = Refusal("unreadable", "The file could not be read: {reason}.")
STOPPED = Refusal(
    "stopped", "The import stopped before this file. Import it again; files already in the album are recognised."
)
TAKEN_AWAY = Refusal("cancelled", "Cancelled during the upload.")
ALBUM_IN_TRASH = Refusal(
    "album-in-trash",
    "{by} moved the album to the trash during the upload. Restore the album, then upload the file again.",
)
NOT_AS_DECLARED = Refusal(
    "not-as-declared",
    "The file was changed or damaged during the upload. Upload it again.",
)
EXPIRED = Refusal("expired", "The upload was interrupted and expired. Upload the file again.")
RECLAIMED = Refusal("reclaimed", "The upload was interrupted and its space was needed. Upload the file again.")

COMPANION = Refusal(
    COMPANION_FILE,
    "Skipped: a companion file (thumbnail, edit list or system file) without a picture of its own.",
)
LEFT_OUT = Refusal(
    "left-out",
    "Skipped: an unsupported file in a folder. If it is a photo, select the file itself and upload it.",
)
HIDDEN = Refusal("hidden", "Skipped: hidden, or in a hidden folder. To import it, name the file itself.")


def too_large(limit: int) -> Refusal:
    return TOO_LARGE.filled(limit=filesizeformat(limit))


class Refused(Exception):
    """A file is rejected, for the reason `refusal`."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal
