"""Reasons why a file is rejected: a stable code, and a message for the user."""

from dataclasses import dataclass, replace

from django.template.defaultfilters import filesizeformat

from processing.models import states
from processing.models.states import COMPANION_FILE


@dataclass(frozen=True, slots=True)
class RejectionReason:
    code: str
    message: str

    def filled(self, **values: object) -> "RejectionReason":
        return replace(self, message=self.message.format(**values))


EMPTY = RejectionReason("empty-file", "The file is empty (0 bytes). Copy it from the camera or card again.")
TOO_LARGE = RejectionReason("too-large", "The file is larger than {limit}, the maximum for one file.")
TOO_MANY = RejectionReason(
    "too-many-files",
    "An upload can have {limit} files. Upload this one separately.",
)
DISK_FULL = RejectionReason(
    "disk-full",
    "The server's disk is nearly full, so this file was not stored. Upload it again when space is freed.",
)
STORAGE_AWAY = RejectionReason("storage-away", "The file could not be stored. {reason} Then upload it again.")
STAGING_FULL = RejectionReason(
    "staging-full",
    "Too many files are waiting to be processed. Upload this one again later.",
)
OWN_STAGING_FULL = RejectionReason(
    "own-staging-full",
    "Your waiting and failed files use all of your space. Upload this one again when some are processed, or dismiss failed "
    "ones first.",
)
DUPLICATE = RejectionReason(states.DUPLICATE, "Already in this album as {name}.")
KEPT_ALREADY = RejectionReason(states.DUPLICATE, "Already stored in this album as {name}.")
RESTORED = RejectionReason("restored", "Restored from this album's trash, as {name}.")
LEFT_IN_TRASH = RejectionReason(states.DUPLICATE, "Left in this album's trash, as {name}.")
SKIPPED_ELSEWHERE = RejectionReason(states.DUPLICATE, "Skipped: also in the album “{album}”, as {name}.")
COPIED = RejectionReason(states.DUPLICATE, "Copied from the album “{album}”, as {name}.")
TWICE = RejectionReason(
    states.DUPLICATE,
    "Same file as {name}. It was not stored twice.",
)
CUT_OFF = RejectionReason("cut-off", "The connection broke during the upload. Upload the file again.")
UNREADABLE = RejectionReason("unreadable", "The file could not be read: {reason}.")
STOPPED = RejectionReason(
    "stopped", "The import stopped before this file. Import it again; files already in the album are recognised."
)
TAKEN_AWAY = RejectionReason("cancelled", "Cancelled during the upload.")
ALBUM_IN_TRASH = RejectionReason(
    "album-in-trash",
    "The album was moved to the trash during the upload. Restore the album, then upload the file again.",
)
NOT_AS_DECLARED = RejectionReason(
    "not-as-declared",
    "The file was changed or damaged during the upload. Upload it again.",
)
EXPIRED = RejectionReason("expired", "The upload was interrupted and expired. Upload the file again.")
RECLAIMED = RejectionReason("reclaimed", "The upload was interrupted and its space was needed. Upload the file again.")

COMPANION = RejectionReason(
    COMPANION_FILE,
    "Skipped: a companion file (thumbnail, edit list or system file) without a picture of its own.",
)
LEFT_OUT = RejectionReason(
    "left-out",
    "Skipped: an unsupported file in a folder. If it is a photo, select the file itself and upload it.",
)
HIDDEN = RejectionReason("hidden", "Skipped: hidden, or in a hidden folder. To import it, name the file itself.")


def too_large(limit: int) -> RejectionReason:
    return TOO_LARGE.filled(limit=filesizeformat(limit))


class UploadRejected(Exception):
    """A file is rejected, for the reason `problem`."""

    def __init__(self, reason: RejectionReason) -> None:
        super().__init__(reason.message)
        self.reason = reason
