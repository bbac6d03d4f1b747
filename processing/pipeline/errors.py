"""The reasons why a file cannot be developed: one exception each, with a stable code.

The messages are for the sender of the file, so they say what to do.
"""

from __future__ import annotations

from typing import ClassVar


class ImageRejected(Exception):
    """A file that cannot be developed. `permanent`: every further attempt with the same file fails too."""

    code: str = "refused"
    message: str = "This file cannot be processed."
    permanent: bool = True

    def __init__(self, message: str = "") -> None:
        self.message = message or self.message
        super().__init__(self.message)

    def as_json(self) -> dict[str, object]:
        return {"error": self.code, "message": self.message, "permanent": self.permanent}


class Unsupported(ImageRejected):
    """An intact file of a kind that Darkroom does not develop."""

    template: ClassVar[str] = ""

    def __init__(self, kind: str) -> None:
        super().__init__(self.template.format(kind=kind))


class UnsupportedRaw(Unsupported):
    code = "unsupported-raw"
    template = (
        "This camera RAW ({kind}) is not supported and has no embedded JPEG that is large enough. Export it as JPEG or DNG "
        "and upload that."
    )


class UnsupportedImage(Unsupported):
    code = "unsupported-image"
    template = "This is {kind}, which is not supported. Export it as JPEG or PNG and upload that."


class UnsupportedJpeg(Unsupported):
    code = "unsupported-jpeg"
    template = (
        "This is {kind}. It is not damaged, but not supported. Open it in the program that wrote it, or in one for scientific or "
        "medical pictures, save it as a standard JPEG or as a 16-bit TIFF or PNG, and upload that."
    )


class UnsupportedVector(Unsupported):
    code = "unsupported-vector"
    template = "This is a drawing ({kind}), not a photo. Export it as PNG and upload that."


class UnsupportedVideo(Unsupported):
    code = "unsupported-video"
    template = "This is a video ({kind}), not a photo. Export a still as JPEG and upload that."


class UnsupportedAudio(Unsupported):
    code = "unsupported-audio"
    template = "This is an audio file ({kind}), not a photo."


class UnsupportedDocument(Unsupported):
    code = "unsupported-document"
    template = "This is a document ({kind}), not a photo. Export the page as JPEG and upload that."


class UnsupportedArchive(Unsupported):
    code = "unsupported-archive"
    template = "This is an archive ({kind}). Unpack it and upload the photos in it."


class UnsupportedProgram(Unsupported):
    code = "unsupported-program"
    template = "This is a program ({kind}), not a photo. Select the photo itself and upload that."


class UnsupportedDepth(Unsupported):
    code = "unsupported-depth"
    template = (
        "The colours of this picture are stored as {kind}, which is not supported; nothing is damaged. Export it as "
        "8- or 16-bit RGB or grey (TIFF, PNG or JPEG) and upload that."
    )


class Sidecar(ImageRejected):
    """Metadata of another file, by an editor or Google: no picture, and no failure. `metadata.read_sidecar_file` reads it."""

    code = "sidecar"
    message = "This is a sidecar: it has no picture, only metadata. Upload it together with its photo."


class EmptyFile(ImageRejected):
    code = "empty-file"
    message = "This file is empty. Copy it from the camera again and upload the new copy."


class NotAnImage(ImageRejected):
    code = "not-an-image"
    message = "This file is not an image, despite its name. Check that you selected the right file."


class Broken(ImageRejected):
    code = "broken"
    message = "This picture is damaged and cannot be read. Copy it from the camera again and upload the new copy."


class Truncated(ImageRejected):
    code = "truncated"
    message = "This file is truncated: the end of the picture is missing. Copy it from the camera again and upload the new copy."


class DecompressionBomb(ImageRejected):
    code = "bomb"
    message = "This file unpacks to far more than a picture should. If you trust it, save it as JPEG and upload that."


class TooManyPixels(ImageRejected):
    code = "too-many-pixels"

    def __init__(self, width: int, height: int, max_pixels: int) -> None:
        super().__init__(
            f"This picture has {_mega(width * height)} megapixels ({width} x {height}); "
            f"the maximum for this kind of file is {_mega(max_pixels)}. Export it as JPEG, which may be larger, or with fewer "
            "pixels, and upload that."
        )


class TooWide(ImageRejected):
    code = "too-wide"

    def __init__(self, width: int, height: int, max_side: int) -> None:
        super().__init__(
            f"This picture is {width} x {height} pixels; the maximum side is {max_side}. Export it smaller and upload that."
        )


class TooMuchMemory(ImageRejected):
    """`needed` is in bytes; 0 if more memory would not help."""

    code = "too-heavy"

    def __init__(self, needed: int, allowed: int) -> None:
        self.needed = needed
        super().__init__(
            f"Processing this picture takes about {_mega(needed)} MB of memory; the limit is {_mega(allowed)} MB. "
            "Nothing is damaged: save it smaller or as a baseline (not progressive) JPEG, and upload that."
        )

    def as_json(self) -> dict[str, object]:
        return super().as_json() | {"needed": self.needed}


class OutOfMemory(ImageRejected):
    code = "out-of-memory"
    message = "Not enough memory to process this picture."
    permanent = False


class DiskFull(ImageRejected):
    code = "disk-full"
    message = "The server's disk is full, so the picture could not be stored."
    permanent = False


class Unreadable(ImageRejected):
    code = "unreadable"
    message = "The stored file could not be read."
    permanent = False


class Unexpected(ImageRejected):
    """An error of Darkroom, not of the file."""

    code = "unexpected"
    message = "Internal error while processing this picture."
    permanent = False


def from_json(values: dict[str, object]) -> ImageRejected:
    """Returns the exception that another process serialised with `as_json`."""
    error = ImageRejected.__new__(classes_by_code().get(str(values["error"]), ImageRejected))
    ImageRejected.__init__(error, str(values["message"]))
    error.code, error.permanent = str(values["error"]), bool(values["permanent"])
    if isinstance(error, TooMuchMemory):
        error.needed = int(str(values.get("needed", 0)))
    return error


def classes_by_code() -> dict[str, type[ImageRejected]]:
    """Returns the classes of this module by code. The parent process defines others, such as for a child that it ended."""
    return {code: kind for code, kind in _by_code().items() if kind.__module__ == __name__}


def _by_code() -> dict[str, type[ImageRejected]]:
    subclasses = [*ImageRejected.__subclasses__(), *Unsupported.__subclasses__()]
    return {subclass.code: subclass for subclass in subclasses}


def _mega(number: int) -> str:
    return f"{number / 1_000_000:,.0f}"
