"""What a user can do about a file that did not become a photo, by the code of its failure or rejection."""

from dataclasses import dataclass

from processing.models.states import IS_A_PHOTO


@dataclass(frozen=True, slots=True)
class Advice:
    """`reason` is the heading above all files with the code. `retry_may_help` is true if retrying the same bytes may succeed."""

    reason: str
    remedy: str
    retry_may_help: bool = False


CANCEL_QUESTION = "Cancel the remaining uploads?"
FINISHED_STAY = "Finished photos stay in the album."

EXPORT = "Export it as JPEG and upload that."
COPY_AGAIN = "Copy it from the camera or card again and upload the new copy; the original on the card may be intact."
OR_PUBLISH = "No better copy? Publish what can be decoded; the photo keeps a warning."
NO_PHOTO = "Not a photo, safe to dismiss."
OURS = "Retry it. If it fails again, ask your administrator to check the server log."
BUCKET = "Ask your administrator to fix this (manage.py check_storage shows the cause), then retry."
AWAY = "Retry when the bucket is reachable again (manage.py check_storage tests it)."
SEND_AGAIN = "Upload it again: the server has not kept it."
RECOGNISED = "Files already in the album are recognised."

FAILED: dict[str, Advice] = {
    "not-an-image": Advice(
        "Not an image", "Check that you selected the right file. A photo that ends up here was damaged: copy it again."
    ),
    "empty-file": Advice("Empty file", COPY_AGAIN),
    "unsupported-raw": Advice(
        "Unsupported RAW",
        "Export it as JPEG or DNG and upload that. Download the RAW first if it is your only copy.",
    ),
    "unsupported-image": Advice("Unsupported image format", EXPORT),
    "unsupported-jpeg": Advice(
        "Unsupported JPEG variant", "Save it as a standard JPEG, or as a 16-bit TIFF or PNG, and upload that."
    ),
    "unsupported-vector": Advice("Vector drawing", "Export it as PNG, at the size you want, and upload that."),
    "unsupported-depth": Advice(
        "Unsupported colour format", "Export it as 8- or 16-bit RGB or grey (JPEG, PNG or TIFF) and upload that."
    ),
    "sidecar": Advice(
        "Sidecar without photo", "Upload it together with its photo, under the same name: IMG_1.JPG and IMG_1.xmp."
    ),
    "still-to-come": Advice(
        "Live video without photo", "Wait until its photo is uploaded, or upload both together.", retry_may_help=True
    ),
    "unsupported-video": Advice("Video", NO_PHOTO),
    "unsupported-audio": Advice("Audio file", NO_PHOTO),
    "unsupported-document": Advice(
        "Document", "If it contains a photo, export that as JPEG and upload it. Otherwise dismiss it."
    ),
    "unsupported-archive": Advice("Archive", "Unpack it and upload the photos. Folders can be uploaded as they are."),
    "unsupported-program": Advice("Program", NO_PHOTO),
    "broken": Advice("Damaged file", f"{COPY_AGAIN} {OR_PUBLISH}"),
    "truncated": Advice("Truncated file", f"{COPY_AGAIN} {OR_PUBLISH}"),
    "bomb": Advice(
        "Possible decompression bomb",
        "If you trust its source, open it, save it as JPEG and upload that. Else dismiss it.",
    ),
    "too-many-pixels": Advice(
        "Too many pixels",
        "Export it smaller and upload that, or ask your administrator to raise MAX_JPEG_MEGAPIXELS or "
        "MAX_OTHER_MEGAPIXELS and retry.",
    ),
    "too-wide": Advice("Dimensions too large", "Crop it or export it smaller, and upload that."),
    "too-heavy": Advice(
        "Too large to process",
        "Save it smaller or as a baseline JPEG and upload that, or ask your administrator to raise PIPELINE_MEMORY_LARGE and "
        "retry.",
    ),
    "duplicate": Advice("Already in album", "Nothing is missing. Dismiss it."),
    "raw-missing": Advice(
        "Uploaded file missing",
        "If the server's storage was offline and is back, retry. Otherwise upload the photo again and dismiss this.",
        retry_may_help=True,
    ),
    "timeout": Advice(
        "Processing timed out",
        "Retry when the server is less busy. If it fails again, export it smaller or as a baseline JPEG and upload that.",
        retry_may_help=True,
    ),
    "crashed": Advice(
        "Processing crashed",
        "Retry once. If it fails again, save the file with another program and upload that.",
        retry_may_help=True,
    ),
    "worker-lost": Advice(
        "Worker stopped",
        "Retry: the server was probably restarted or out of memory. If it fails again, save the file with another program and "
        "upload that.",
        retry_may_help=True,
    ),
    "out-of-memory": Advice(
        "Not enough memory",
        "Retry when the server is less busy. If it fails again, export it smaller and upload that.",
        retry_may_help=True,
    ),
    "disk-full": Advice(
        "Server disk full", "Ask your administrator to free up space, then retry.", retry_may_help=True
    ),
    "unreadable": Advice("Stored file unreadable", OURS, retry_may_help=True),
    "storage": Advice("Storage unavailable", OURS, retry_may_help=True),
    "s3-credentials": Advice("Bucket rejected the server's keys", BUCKET, retry_may_help=True),
    "s3-bucket-missing": Advice("Bucket not found", BUCKET, retry_may_help=True),
    "s3-unset": Advice("Bucket not configured", BUCKET, retry_may_help=True),
    "s3-network": Advice("Bucket unreachable", AWAY, retry_may_help=True),
    "s3-throttled": Advice("Bucket overloaded", AWAY, retry_may_help=True),
    "s3-refused": Advice("Bucket rejected the request", BUCKET, retry_may_help=True),
    "unexpected": Advice("Internal error", OURS, retry_may_help=True),
    "internal": Advice("Server error", OURS, retry_may_help=True),
}
"""Advice by the codes of failed jobs. Their raw files are kept, so each can be retried."""

REJECTED: dict[str, Advice] = {
    "empty-file": Advice("Empty file", COPY_AGAIN),
    "too-large": Advice(
        "File too large", "Export it smaller and upload that, or ask your administrator to raise MAX_FILE_SIZE."
    ),
    "too-many-files": Advice("Too many files at once", "Upload it separately."),
    "disk-full": Advice("Server disk full", f"Ask your administrator to free up space. {SEND_AGAIN}"),
    "duplicate": Advice("Already in album", "Nothing is missing: it was not stored twice."),
    "restored": Advice("Restored from trash", "Nothing is missing: it is in the album again."),
    "storage-away": Advice("Storage unavailable", f"Ask your administrator to check the storage. {SEND_AGAIN}"),
    "staging-full": Advice("Too many files waiting", "Upload it again when some have been processed."),
    "own-staging-full": Advice(
        "Too many of your files waiting",
        "Upload it again when some have been processed. Failed files count too: retry or dismiss them.",
    ),
    "reclaimed": Advice("Expired (space reclaimed)", SEND_AGAIN),
    "cut-off": Advice("Connection lost", f"{SEND_AGAIN} {RECOGNISED}"),
    "unreadable": Advice(
        "File could not be read", "Check that the card or folder is connected and readable, then import it again."
    ),
    "stopped": Advice("Import stopped", f"Import it again. {RECOGNISED}"),
    "cancelled": Advice("Cancelled", "Upload it again if you still want it."),
    "album-in-trash": Advice("Album moved to trash", f"Restore the album. {SEND_AGAIN}"),
    "not-as-declared": Advice(
        "Damaged during upload", "Upload it again. If that fails too, copy the file from its source first."
    ),
    "companion-file": Advice("Companion file", "It has no picture of its own, safe to dismiss."),
    "left-out": Advice("Unsupported file in a folder", "If it is a photo, select the file itself and upload it."),
    "hidden": Advice("Hidden file", "If it is a photo, name the file itself and import it."),
    "expired": Advice("Upload incomplete", f"{SEND_AGAIN} {RECOGNISED}"),
}
"""Advice by the codes of rejected or expired uploads. Their files are not kept, so they can only be uploaded again."""

RETRY_IS_USELESS = frozenset(code for code, advice in FAILED.items() if not advice.retry_may_help)
"""Codes of failed jobs for which retrying the same bytes fails again."""

NO_ACTION_CODES = IS_A_PHOTO
"""Codes that need no action by the user."""

UNKNOWN = Advice("Unknown problem", OURS, retry_may_help=True)


def for_failed(code: str) -> Advice:
    return FAILED.get(code, UNKNOWN)


def for_rejected(code: str) -> Advice:
    return REJECTED.get(code, Advice(UNKNOWN.reason, SEND_AGAIN))
