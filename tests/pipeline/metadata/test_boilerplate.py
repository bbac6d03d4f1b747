"""Texts that cameras write into every picture are no captions."""

from __future__ import annotations

from xml.sax.saxutils import escape

import pytest

from processing.pipeline.metadata import boilerplate, read
from processing.pipeline.metadata.blocks import Blocks
from tests.pipeline.metadata.xmp_packets import packet

CAMERA_TEXTS = [
    "OLYMPUS DIGITAL CAMERA         ",
    "olympus digital camera",
    "SONY DSC",
    "DIGITAL CAMERA",
    "Digital StillCamera",
    "HP PhotoSmart R707",
    "CASIO COMPUTER CO.,LTD.",
    "GoPro",
    "JPEG image",
    "Untitled",
    "-",
    "KONICA MINOLTA DIGITAL CAMERA",
    "KODAK Digital Still Camera",
    "ACME DIGITAL CAMERA",
    "<KENOX S1050  / Samsung S1050>",
    "<Digimax i5, Samsung #1>",
    "SAMSUNG CAMERA PICTURES",
    "Exif_JPEG_PICTURE",
    "DCIM\\100MEDIA\\DJI_0001.JPG",
    "E:/DCIM/100MEDIA/DJI_0001.JPG",
    "Screenshot",
    "oplus_1048608",
    "filter: 0; fileterIntensity: 0.0; filterMask: 0;",
    '{"mirror":false,"sensor_type":"rear"}',
    "Processed with VSCO with a6 preset",
    "default",
    "captureOrientation: 0; brp_mask:0;",
    "CREATOR: gd-jpeg v1.0 (using IJG JPEG v80), quality = 82",
    "DSCF0042.JPG",
]


PERSONAL_TEXTS = [
    "My own words",
    "My digital camera",
    "Grandpa and his digital camera",
    "Our Olympus digital camera after the fall",
    "Sony",
    "An apple",
    "Photosmart people",
    "An image",
    "Untitled, with Anna",
    "mon",
    "24.12.2014",
    "{curly}",
    "Screenshot of the year",
    "???",
    "IMG_0001 was the best of the day",
]


@pytest.mark.parametrize("description", CAMERA_TEXTS)
def test_text_that_cameras_write_into_every_picture_is_no_caption(description: str) -> None:
    utf_16 = description.encode("utf-16-le")
    elements = f"<dc:description><rdf:Alt><rdf:li>{escape(description)}</rdf:li></rdf:Alt></dc:description>"
    sources = [
        Blocks(main={0x010E: description}),
        Blocks(main={0x9C9B: utf_16, 0x9C9C: utf_16}),
        Blocks(camera={0x9286: b"ASCII\0\0\0" + description.encode()}),
        Blocks(iptc={(2, 120): description.encode(), (2, 5): description.encode()}),
        Blocks(xmp=(packet("", elements + elements.replace("description", "title")),)),
    ]

    assert [(metadata.title, metadata.caption) for metadata in map(read, sources)] == [(None, None)] * 5


@pytest.mark.parametrize("description", PERSONAL_TEXTS)
def test_text_written_by_a_person_is_a_caption(description: str) -> None:
    assert read(Blocks(main={0x010E: description})).caption == description


@pytest.mark.parametrize(
    ("make", "model", "description"),
    [
        ("SAMSUNG", "GT-I9505", "SAMSUNG"),
        ("Panasonic", "DMC-FZ18", "DMC-FZ18"),
        ("Panasonic", "DMC-FZ18", "Panasonic DMC-FZ18"),
        ("HUAWEI", "EVA-L09", "rbtoznor"),
        ("HUAWEI", "EVA-L09", "sdr_HDRB"),
        ("HONOR", "BKL", "mde_soft"),
        ("DJI", "FC6310", "0.9.138"),
        ("DJI", "FC220", "Type=N, Mode=P, DE=None"),
    ],
)
def test_text_typical_of_one_make_is_a_caption_only_with_other_makes(make: str, model: str, description: str) -> None:
    assert read(Blocks(main={0x010F: make, 0x0110: model, 0x010E: description})).caption is None
    assert read(Blocks(main={0x010F: "NIKON", 0x0110: "D90", 0x010E: description})).caption == description


def test_a_persons_comment_is_the_caption_if_the_description_is_the_cameras() -> None:
    main, camera = {0x010E: "OLYMPUS DIGITAL CAMERA"}, {0x9286: b"ASCII\0\0\0by hand"}

    assert read(Blocks(main=main, camera=camera)).caption == "by hand"


def test_matching_a_hostile_text_against_the_boilerplate_ends() -> None:
    assert not boilerplate.is_boilerplate("hdrpl" * 50 + "!", "HUAWEI")
