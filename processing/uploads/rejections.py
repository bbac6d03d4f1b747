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
TOO_LARGE = Refusal("too-large", "The file is larger than {limit}, the most this server takes for one file.")
TOO_MANY = Refusal(
    "too-many-files",
    "One batch takes {limit} files, and this one came after that. Send it with the next batch.",
)
DISK_FULL = Refusal(
    "disk-full",
    "The server's disk is nearly full, so this file was not stored. Free some space, then send it again.",
)
STORAGE_AWAY = Refusal("storage-away", "It could not be stored. {reason} Then send it again.")
STAGING_FULL = Refusal(
    "staging-full",
    "So many files wait to be developed that there is no room for more just now. Send this one again a little later.",
)
OWN_STAGING_FULL = Refusal(
    "own-staging-full",
    "Your files that wait to be processed, or have failed and are kept, take all the room that one person may have. Upload this "
    "one again when some are done, or dismiss those that failed.",
)
DUPLICATE = Refusal(states.DUPLICATE, "This very picture is already in the album, as {name}. It was not stored twice.")
KEPT_ALREADY = Refusal(
    states.DUPLICATE, "This very file is kept in the album already, as {name}. It was not stored twice."
)
RESTORED = Refusal("restored", "This very picture was in the album's trash, as {name}. It was put back.")
TWICE = Refusal(
    states.DUPLICATE,
    "Same file as {name}. It was not stored twice.",
)
CUT_OFF = Refusal("cut-off", "The connection broke while this file was on its way. Send it again.")
UNREADABLE = Refusal("unreadable", "The file could not be read: {reason}.")
STOPPED = Refusal("stopped", "The import ended before this file. Import it again; what is there already is recognised.")
TAKEN_AWAY = Refusal("cancelled", "It was cancelled while it was on its way.")
ALBUM_IN_TRASH = Refusal(
    "album-in-trash",
    "{by} moved the album to the trash while this file was on its way. Restore the album, then upload the file again.",
)
NOT_AS_DECLARED = Refusal(
    "not-as-declared",
    "What arrived is not what was announced: the file was changed or damaged on its way. Send it again.",
)
EXPIRED = Refusal("expired", "No more of this file arrived for a long time. Send it again.")
RECLAIMED = Refusal("reclaimed", "No more of this file arrived, and its room was needed for others. Send it again.")

COMPANION = Refusal(
    COMPANION_FILE,
    "This is a companion file (a thumbnail, an edit list or a system file) without a picture of its own, so it was skipped.",
)
LEFT_OUT = Refusal(
    "left-out",
    "It lay in the folder that was sent, and is of a kind that albums do not take, so it was skipped. If it is a photo, choose "
    "the file itself and send it.",
)
HIDDEN = Refusal(
    "hidden", "It is hidden, or lies in a hidden folder, so it was skipped. To import it, name the file itself."
)


def too_large(limit: int) -> Refusal:
    return TOO_LARGE.filled(limit=filesizeformat(limit))


class Refused(Exception):
    """A file is rejected, for the reason `refusal`."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal
