"""What a person can do about a file that did not become a photo, by the code of its failure or refusal."""

from dataclasses import dataclass

from processing.models.states import IS_A_PHOTO


@dataclass(frozen=True, slots=True)
class Advice:
    """`reason` is the heading above all files with the code. `may_help` is true if retrying the same bytes may succeed."""

    reason: str
    todo: str
    may_help: bool = False


CANCEL_QUESTION = "Cancel the remaining uploads?"
FINISHED_STAY = "Finished photos stay in the album."

EXPORT = "Open it in the program it came from, export it as JPEG and send that."
COPY_AGAIN = "Copy the photo from the camera or card again and send the new copy; the card may still have it whole."
OR_PUBLISH = "If there is no better copy, publish it anyway: what can be seen of it, with a warning that stays."
NO_PHOTO = "Nothing is lost if you dismiss it. If a photo was meant, choose the photo itself and send that."
OURS = "Retry it. If it fails again, ask whoever runs the server to look into its log."
BUCKET = "Whoever runs the server has to set that right: `manage.py check_storage` tells what is wrong. Then retry it."
AWAY = "Retry it when the bucket answers again: `manage.py check_storage` tells whether it does."
SEND_AGAIN = "Nothing of it was kept, so send it again from where you have it."

FAILED: dict[str, Advice] = {
    "not-an-image": Advice(
        "Not a picture",
        "Check that you chose the right file. If it should be a photo, copy it from the card again: this copy went wrong.",
    ),
    "empty-file": Advice("Empty file", COPY_AGAIN),
    "unsupported-raw": Advice(
        "A camera RAW that cannot be developed",
        "Export it as JPEG or DNG from your RAW program and send that. Download the RAW first, if you have no other copy of it.",
    ),
    "unsupported-image": Advice("A kind of picture that Darkroom cannot show", EXPORT),
    "unsupported-jpeg": Advice(
        "A kind of JPEG that is not shown",
        "Open it in the program that wrote it, save it as an ordinary JPEG, or as a TIFF or PNG of 16 bits, and send that.",
    ),
    "unsupported-vector": Advice(
        "A drawing, not a photo", "Export it as PNG, at the size you want to see it, and send that."
    ),
    "unsupported-depth": Advice(
        "Colours that Darkroom cannot show",
        "Export it as RGB or grey with 8 or 16 bits for each colour, as JPEG, PNG or TIFF, and send that.",
    ),
    "sidecar": Advice(
        "Words about a photo, without it",
        "It is kept beside its photo when both are sent together, and under one name: IMG_1.JPG and IMG_1.xmp.",
    ),
    "still-to-come": Advice(
        "A Live video before its photo", "Wait until its photo has come, or send the two together.", may_help=True
    ),
    "unsupported-video": Advice("A video", f"Albums hold photos only. {NO_PHOTO}"),
    "unsupported-audio": Advice("A sound file", f"Albums hold photos only. {NO_PHOTO}"),
    "unsupported-document": Advice(
        "A document", f"If there is a photo in it, save that as JPEG and send it. {NO_PHOTO}"
    ),
    "unsupported-archive": Advice(
        "An archive", "Unpack it and send the photos in it. Folders can be sent as they are."
    ),
    "unsupported-program": Advice("A program", NO_PHOTO),
    "broken": Advice("Damaged", f"{COPY_AGAIN} {OR_PUBLISH}"),
    "truncated": Advice("The end of the picture is missing", f"{COPY_AGAIN} {OR_PUBLISH}"),
    "bomb": Advice(
        "Unpacks to far more than a picture",
        "If you know where it is from, open it, save it as JPEG and send that. If you do not, dismiss it.",
    ),
    "too-many-pixels": Advice(
        "Too many pixels",
        "Export it smaller and send that; or ask whoever runs the server to allow more (MAX_JPEG_MEGAPIXELS, "
        "MAX_OTHER_MEGAPIXELS), then retry.",
    ),
    "too-wide": Advice("Too long a side", "Cut it, or export it smaller, and send that."),
    "too-heavy": Advice(
        "Takes too much memory to develop",
        "Save it as a plain (not progressive) JPEG, or smaller, and send that; or ask whoever runs the server to allow more "
        "(PIPELINE_MEMORY_LARGE), then retry.",
    ),
    "duplicate": Advice("In the album already", "Nothing is missing: the album has this very picture. Dismiss it."),
    "raw-missing": Advice(
        "The received file is gone",
        "If the server's storage was away and is back, retry. Otherwise send the photo again, and then dismiss this.",
        may_help=True,
    ),
    "timeout": Advice(
        "Took too long to develop",
        "Retry it when the server has less to do. If it fails again, export it smaller or as a plain JPEG and send that.",
        may_help=True,
    ),
    "crashed": Advice(
        "Stopped the developer",
        "Retry it once. If it fails again, it is most likely this very file: save it anew with another program and send that.",
        may_help=True,
    ),
    "worker-lost": Advice(
        "The worker stopped",
        "Retry it: most likely the server was restarted or short of memory. If it fails again, save it anew with another program "
        "and send that.",
        may_help=True,
    ),
    "out-of-memory": Advice(
        "Not enough memory",
        "Retry it when the server has less to do. If it fails again, make it smaller and send that.",
        may_help=True,
    ),
    "disk-full": Advice("The server's disk was full", "Free some space on the server, then retry.", may_help=True),
    "unreadable": Advice("The stored file could not be read", OURS, may_help=True),
    "storage": Advice("The server's storage did not answer", OURS, may_help=True),
    "s3-credentials": Advice("The bucket did not accept the server's keys", BUCKET, may_help=True),
    "s3-bucket-missing": Advice("The bucket was not found", BUCKET, may_help=True),
    "s3-unset": Advice("No bucket is set up, and its file lies in one", BUCKET, may_help=True),
    "s3-network": Advice("The bucket could not be reached", AWAY, may_help=True),
    "s3-throttled": Advice("The bucket had too much to do", AWAY, may_help=True),
    "s3-refused": Advice("The bucket refused what it was asked", BUCKET, may_help=True),
    "unexpected": Advice("A fault of Darkroom", OURS, may_help=True),
    "internal": Advice("A fault of the server", OURS, may_help=True),
}
"""Advice by the codes of failed jobs. Their raw files are kept, so each can be retried."""

REFUSED: dict[str, Advice] = {
    "empty-file": Advice("Empty file", COPY_AGAIN),
    "too-large": Advice(
        "Too large", "Export it smaller and send that; or ask whoever runs the server to allow more (MAX_FILE_SIZE)."
    ),
    "too-many-files": Advice("Too many at once", "Send it with the next batch."),
    "disk-full": Advice("The server's disk was full", f"Free some space on the server first. {SEND_AGAIN}"),
    "duplicate": Advice(
        "In the album already", "Nothing is missing: the album has this very picture, and it was not stored twice."
    ),
    "restored": Advice("Put back from the trash", "Nothing is missing: the album has this very picture again."),
    "storage-away": Advice(
        "It could not be stored", f"Ask whoever runs the server to look at the storage. {SEND_AGAIN}"
    ),
    "staging-full": Advice("Too many files were waiting", "Send it again when some of them are developed."),
    "own-staging-full": Advice(
        "Too many files of yours were waiting",
        "Send it again when some of them are developed, or deal with those that failed: they are kept, and count.",
    ),
    "reclaimed": Advice("Its room was taken back", f"Nothing more of it had arrived. {SEND_AGAIN}"),
    "cut-off": Advice("The connection broke", f"{SEND_AGAIN} What is there already is recognised."),
    "unreadable": Advice(
        "Could not be read where it lay",
        "Look whether the card or folder is there and may be read, then import it again.",
    ),
    "stopped": Advice("The import ended before it", "Import it again. What is there already is recognised."),
    "cancelled": Advice("Cancelled", "If it was not meant, send it again."),
    "album-in-trash": Advice("Its album was moved to the trash", f"Restore the album first. {SEND_AGAIN}"),
    "not-as-declared": Advice(
        "Not what was announced",
        f"The file was changed or damaged on its way. {SEND_AGAIN} If that happens again, copy it anew first.",
    ),
    "companion-file": Advice("Companion file", "Nothing is lost: it holds no picture of its own."),
    "left-out": Advice("Left out of a folder", "If it is a photo, choose the file itself and send it."),
    "hidden": Advice("Hidden", "If it is a photo, name the file itself and import it."),
    "expired": Advice("Never arrived whole", f"{SEND_AGAIN} What is there already is recognised."),
}
"""Advice by the codes of refused or expired uploads. Their files are not kept, so they can only be sent again."""

NO_MISHAP = IS_A_PHOTO
"""Codes that need no action by the user."""

UNKNOWN = Advice("Something else", OURS, may_help=True)


def of_failed(code: str) -> Advice:
    return FAILED.get(code, UNKNOWN)


def of_refused(code: str) -> Advice:
    return REFUSED.get(code, Advice(UNKNOWN.reason, SEND_AGAIN))
