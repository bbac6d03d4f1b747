"""Detects the format of a file by its first bytes, never by its name.

A file is opened only by the decoder of the detected format. Any other file is rejected with a reason.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import BinaryIO

from processing.pipeline import errors
from processing.pipeline.containers import tiff_directory

HEAD_BYTES = 4096

Rejection = type[errors.Unsupported]

PICTURES: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"\xff\xd8\xff"), "JPEG"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "PNG"),
    (re.compile(rb"GIF8[79]a"), "GIF"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "WEBP"),
    (re.compile(rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n"), "JXL"),
    (re.compile(rb"BM.{8}....[\x0c-\xff]\0\0\0", re.DOTALL), "BMP"),
    (re.compile(rb"II[*+]\0|MM\0[*+]"), "TIFF"),
)

# Most are TIFFs with another signature. `tiff_directory.raw_kind` detects those with the signature of TIFF.
RAW_FORMATS: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"II\*\0....CR", re.DOTALL), "CR2"),
    (re.compile(rb"II....HEAPCCDR", re.DOTALL), "CRW"),
    (re.compile(rb"FUJIFILMCCD-RAW"), "RAF"),
    (re.compile(rb"IIR[OS]|MMOR"), "ORF"),
    (re.compile(rb"IIU\0"), "RW2"),
    (re.compile(rb"\0MRM"), "MRW"),
    (re.compile(rb"FOVb"), "X3F"),
)

UNSUPPORTED: tuple[tuple[re.Pattern[bytes], Rejection, str], ...] = (
    (re.compile(rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51"), errors.UnsupportedImage, "a JPEG 2000 picture"),
    (re.compile(rb"8BPS"), errors.UnsupportedImage, "a Photoshop document"),
    (re.compile(rb"\0\0[\x01\x02]\0[^\0]\0"), errors.UnsupportedImage, "an icon"),
    (re.compile(rb"II\xbc\x01"), errors.UnsupportedImage, "a JPEG XR picture"),
    (re.compile(rb"\x76\x2f\x31\x01|#\?RADIANCE"), errors.UnsupportedImage, "an HDR picture"),
    (re.compile(rb"P[1-7]\s"), errors.UnsupportedImage, "a portable bitmap"),
    (re.compile(rb"icns"), errors.UnsupportedImage, "an icon"),
    (re.compile(rb".{128}DICM", re.DOTALL), errors.UnsupportedImage, "a medical picture (DICOM)"),
    (re.compile(rb"SIMPLE  ="), errors.UnsupportedImage, "an astronomical picture (FITS)"),
    (re.compile(rb"DDS \x7c\0\0\0"), errors.UnsupportedImage, "a texture (DDS)"),
    (re.compile(rb"qoif"), errors.UnsupportedImage, "a QOI picture"),
    (re.compile(rb"\x01\xda[\0\x01][\x01\x02]\0[\x01-\x03]"), errors.UnsupportedImage, "an SGI picture"),
    (re.compile(rb"\x0a[\0\x02-\x05]\x01[\x01\x02\x04\x08]"), errors.UnsupportedImage, "a PCX picture"),
    (re.compile(rb"SDPX|XPDS"), errors.UnsupportedImage, "a film scan (DPX)"),
    # Targa has no magic number: no identifier, a valid kind of picture, and a palette only if the kind has one.
    (
        re.compile(
            rb"\0(\x01[\x01\x09].{4}[\x0f-\x20]|\0[\x02\x03\x0a\x0b]\0{5}).{4}....[\x08\x0f\x10\x18\x20][\0-\x3f]",
            re.DOTALL,
        ),
        errors.UnsupportedImage,
        "a Targa picture",
    ),
    (re.compile(rb"gimp xcf"), errors.UnsupportedImage, "a GIMP document"),
    (re.compile(rb"\x1a\x45\xdf\xa3"), errors.UnsupportedVideo, "Matroska or WebM"),
    (re.compile(rb"RIFF....AVI ", re.DOTALL), errors.UnsupportedVideo, "AVI"),
    (re.compile(rb"\0\0\x01[\xb3\xba]"), errors.UnsupportedVideo, "MPEG"),
    # MPEG-2 transport streams (ISO/IEC 13818-1) in packets of 188 bytes; cameras write a 4-byte timestamp before each.
    (re.compile(rb"G.{187}G.{187}G|.{4}G.{191}G.{191}G", re.DOTALL), errors.UnsupportedVideo, "AVCHD"),
    (re.compile(rb"FLV\x01"), errors.UnsupportedVideo, "FLV"),
    (re.compile(rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11"), errors.UnsupportedVideo, "WMV"),
    (re.compile(rb"....(moov|mdat|wide|skip|free|pnot)", re.DOTALL), errors.UnsupportedVideo, "QuickTime"),
    (re.compile(rb"RIFF....WAVE", re.DOTALL), errors.UnsupportedAudio, "WAV"),
    (re.compile(rb"#!AMR"), errors.UnsupportedAudio, "AMR"),
    (re.compile(rb"ID3|\xff[\xfa\xfb]"), errors.UnsupportedAudio, "MP3"),
    (re.compile(rb"OggS"), errors.UnsupportedAudio, "Ogg"),
    (re.compile(rb"fLaC"), errors.UnsupportedAudio, "FLAC"),
    (re.compile(rb"\s*%PDF-"), errors.UnsupportedDocument, "PDF"),
    (re.compile(rb"%!PS"), errors.UnsupportedDocument, "PostScript"),
    (re.compile(rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), errors.UnsupportedDocument, "Office"),
    (re.compile(rb"\{\\rtf"), errors.UnsupportedDocument, "RTF"),
    (re.compile(rb"PK\x03\x04|PK\x05\x06"), errors.UnsupportedArchive, "ZIP"),
    (re.compile(rb"Rar!\x1a\x07"), errors.UnsupportedArchive, "RAR"),
    (re.compile(rb"7z\xbc\xaf\x27\x1c"), errors.UnsupportedArchive, "7-Zip"),
    (re.compile(rb"\x1f\x8b|BZh|\xfd7zXZ\0|\x28\xb5\x2f\xfd"), errors.UnsupportedArchive, "compressed"),
    (re.compile(rb".{257}ustar", re.DOTALL), errors.UnsupportedArchive, "TAR"),
    (re.compile(rb"\x7fELF|MZ|#!|\xca\xfe\xba\xbe"), errors.UnsupportedProgram, "executable"),
    (
        re.compile(rb"(\xef\xbb\xbf)?\s*<(.{0,1024}?<)?svg[\s>]", re.DOTALL | re.I),
        errors.UnsupportedVector,
        "SVG",
    ),
    (
        re.compile(
            rb"(\xef\xbb\xbf)?\s*<(!--.{0,1024}?--\s*>\s*<)?(!doctype\s+html|html|head|body|script)",
            re.DOTALL | re.I,
        ),
        errors.UnsupportedDocument,
        "a web page",
    ),
)

# An XMP packet that is a file of its own, with or without its wrapper (ISO 16684-1). Zeros are removed first, for UTF-16.
# icloudpd calls its root element `xml_doc`. The atomic group prevents backtracking over many instructions or comments.
SIDECAR = re.compile(
    rb"(\xef\xbb\xbf|\xff\xfe|\xfe\xff)?\s*(?:(?>(?:<\?.{0,1024}?\?>|<!--.{0,2048}?-->)\s*)){0,16}"
    rb"<(\w{1,9}:)?(xmpmeta|xapmeta|xml_doc|RDF)[\s>]",
    re.DOTALL,
)

# Google Takeout's JSON file for a photo.
TAKEOUT = re.compile(rb"(\xef\xbb\xbf)?\s*\{\s*\"(title\"\s*:|.{0,4096}\"photoTakenTime\"\s*:)", re.DOTALL)

# The brands in the file type box of ISO base media files (ISO/IEC 14496-12).
AVIF = {b"avif", b"avis"}
AUDIO = {b"M4A ", b"M4B ", b"M4P "}
HEIF = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}


@dataclass(frozen=True, slots=True)
class Kind:
    """A detected format. `name` is Pillow's name of it, or the usual extension of a RAW format in capitals (`NEF`)."""

    name: str
    is_raw: bool = False


def detect(file: BinaryIO) -> Kind:
    """The kind of the file. Raises EmptyFile, Sidecar, NotAnImage or the exception for an unsupported format."""
    head = file.read(HEAD_BYTES)
    if not head:
        raise errors.EmptyFile
    if head[4:8] == b"ftyp":
        return _base_media_kind(head)
    if raw := _first_match(RAW_FORMATS, head):
        return Kind(raw, is_raw=True)
    name = _first_match(PICTURES, head)
    if name is None:
        if SIDECAR.match(head.replace(b"\0", b"")) or TAKEOUT.match(head):
            raise errors.Sidecar
        _raise_if_unsupported(head)
        raise errors.NotAnImage
    if name == "TIFF" and (raw := tiff_directory.raw_kind(file)):
        return Kind(raw, is_raw=True)
    return Kind(name)


def _base_media_kind(head: bytes) -> Kind:
    size = min(int.from_bytes(head[:4]), 256)
    brands = [head[8:12], *(head[offset : offset + 4] for offset in range(16, size, 4))]
    if brands[0] == b"crx ":
        return Kind("CR3", is_raw=True)
    for brand in brands:
        if brand in AVIF:
            return Kind("AVIF")
        if brand in HEIF - {b"mif1", b"msf1"}:
            return Kind("HEIF")
    if HEIF & set(brands):
        return Kind("HEIF")
    if brands[0] in AUDIO:
        raise errors.UnsupportedAudio("MPEG-4")
    raise errors.UnsupportedVideo("QuickTime" if brands[0] == b"qt  " else "MP4")


def _first_match(magics: tuple[tuple[re.Pattern[bytes], str], ...], head: bytes) -> str | None:
    return next((name for magic, name in magics if magic.match(head)), None)


def _raise_if_unsupported(head: bytes) -> None:
    for magic, rejection, kind in UNSUPPORTED:
        if magic.match(head):
            raise rejection(kind)
