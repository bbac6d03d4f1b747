"""Google Takeout: which photo a JSON file describes, and which values it contains."""

import json
import re
from datetime import UTC, datetime
from itertools import permutations

import pytest

from albums.models import Companion
from processing.jobs import name_matching, takeout_names
from processing.models import ProcessingJob
from processing.models.states import JobState
from processing.pipeline.metadata import takeout
from processing.queries import album_report
from processing.queries import receipt as receipt_query
from tests.processing.jobs.test_grouping import MOV, TAKEN, jpeg, send, sidecar, verify_files

pytestmark = pytest.mark.django_db

X47 = "original_1d4caa6f-16c6-4c3d-901b-9387de10e528_P"
SUPPLEMENT = takeout_names.SUPPLEMENT
EMOJI = "😀😃😄😁😆😅😂🤣🥲☺️😊😇🙂🙃😉😌😍🥰😘😗😙😚😋"

PAIRS = [
    ("IMG_1.jpg.json", "IMG_1.jpg"),
    ("IMG_1.JPG.json", "img_1.jpg"),
    ("IMG_1.jpg.supplemental-metadata.json", "IMG_1.jpg"),
    ("IMG_20190101_123456789.jpg.supplemental-metad.json", "IMG_20190101_123456789.jpg"),
    ("Screenshot_20240101-120000_Chrome.png.suppl.json", "Screenshot_20240101-120000_Chrome.png"),
    ("b" * 41 + ".jpg..json", "b" * 41 + ".jpg"),
    ("b" * 40 + ".heic.json", "b" * 40 + ".heic"),
    ("IMG_1(1).jpg.json", "IMG_1(1).jpg"),
    ("IMG_1.jpg(1).json", "IMG_1(1).jpg"),
    ("IMG_1.jpg.supplemental-metadata(2).json", "IMG_1(2).jpg"),
    ("IMG_1.jpg.json", "IMG_1-edited.jpg"),
    ("IMG_1.jpg(1).json", "IMG_1-edited(1).jpg"),
    ("PXL_1.PORTRAIT.jpg.json", "PXL_1.PORTRAIT-modifié.jpg"),
    ("PXL_1.MP.jpg.supplemental-metadata.json", "PXL_1.MP.jpg"),
    ("Urlaub in Knaufspesch in der Schneifel (38).JP.json", "Urlaub in Knaufspesch in der Schneifel (38).JPG"),
    ("05yqt21kruxwwlhhgrwrdyb6chhwszi9bqmzu16w0 2.jp.json", "05yqt21kruxwwlhhgrwrdyb6chhwszi9bqmzu16w0 2.jpg"),
    ("PXL_20230809_203449253.LONG_EXPOSURE-02.ORIGIN.json", "PXL_20230809_203449253.LONG_EXPOSURE-02.ORIGINA.jpg"),
    (X47[:46] + ".json", X47 + ".jpg"),
    (X47[:46] + "(1).json", X47 + "(1).jpg"),
    (EMOJI + ".json", EMOJI + "😛.jpg"),
    *((f"IMG_1.jpg.{SUPPLEMENT[:length]}.json", "IMG_1.jpg") for length in range(len(SUPPLEMENT) + 1)),
    *((f"IMG_1.jpg.{SUPPLEMENT[:length]}(7).json", "IMG_1(7).jpg") for length in (0, 1, 5, 20)),
    *((f"IMG_1(7).jpg.{SUPPLEMENT[:length]}.json", "IMG_1(7).jpg") for length in (0, 1, 5, 20)),
    ("IMG_1(2).jpg(3).json", "IMG_1(2)(3).jpg"),
    ("IMG_1.jpg.json", "IMG_1-已编辑.jpg"),
    ("z" * 43 + ".jp.json", "z" * 43 + "-edi.jpg"),
    ("z" * 40 + ".jpg.s.json", "z" * 40 + "-bearbe.jpg"),
    ("z" * 43 + ".jp(1).json", "z" * 43 + "-edi(1).jpg"),
    ("scan.json", "scan.jpg"),
    ("scan.supplemental-metadata.json", "scan.jpg"),
    ("holiday.2024.jpg.json", "holiday.2024.jpg"),
]
OTHERS = [
    ("IMG_1.jpg.json", "IMG_1(1).jpg"),
    ("IMG_1.jpg(1).json", "IMG_1.jpg"),
    ("IMG_1.jpg(1).json", "IMG_1(2).jpg"),
    ("IMG_1.jpg.json", "IMG_1.png"),
    ("IMG_1.jpg.json", "IMG_10.jpg"),
    ("IMG_1.MOV.json", "IMG_1.HEIC"),
    ("IMG_1.jpg.json", "IMG_1-edit.jpg"),
    ("z" * 43 + ".jp.json", "z" * 43 + "-eda.jpg"),
    ("z" * 42 + ".jpg.json", "z" * 42 + "-edi.jpg"),
    (X47[:46] + ".json", X47 + "(1).jpg"),
]


def takeout_json(title: str = "IMG_1.jpg", **changes) -> bytes:
    entry = {
        "title": title,
        "description": "By the sea",
        "photoTakenTime": {"timestamp": "1580702706", "formatted": "3 Feb 2020, 04:05:06 UTC"},
        "geoData": {"latitude": 51.5, "longitude": -0.5, "altitude": 12.5, "latitudeSpan": 0.0},
        "favorited": True,
    }
    return json.dumps(entry | changes, indent=2).encode()


@pytest.mark.once
@pytest.mark.parametrize(("name", "photo"), PAIRS)
def test_a_json_file_describes_its_photo_however_takeout_changed_the_name(name, photo):
    assert takeout_names.is_about(name, photo)
    assert name_matching.stem(name) in {name_matching.stem(photo), *takeout_names.sidecar_stems(photo)}


@pytest.mark.once
@pytest.mark.parametrize(("name", "photo"), PAIRS)
def test_a_json_file_that_arrives_after_its_photo_describes_it_too(name, photo):
    title = re.sub("-(edited|modifié|已编辑|edi|bearbe)(?=[.(])", "", photo)
    if re.search(r"\(\d\)\.json$", name):
        title = re.sub(r"\(\d\)", "", title)

    assert name_matching.stem(photo) in {stem.removesuffix(".mp") for stem in takeout_names.photo_stems(name, title)}
    assert takeout_names.is_about(name, photo, title)


@pytest.mark.once
@pytest.mark.parametrize(("name", "photo"), OTHERS)
def test_a_json_file_does_not_describe_another_photo(name, photo):
    assert not takeout_names.is_about(name, photo)


@pytest.mark.once
def test_the_title_distinguishes_photos_whose_truncated_names_are_equal():
    name, first, second = "y" * 46 + ".json", "y" * 46 + "1.jpg", "y" * 46 + "2.jpg"

    assert [takeout_names.is_about(name, photo, first) for photo in (first, second)] == [True, False]


@pytest.mark.parametrize("develop_each", [True, False])
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize(
    ("name", "photo_name"),
    [
        ("IMG_1.jpg.supplemental-metadata.json", "IMG_1.jpg"),
        ("IMG_1.jpg(1).json", "IMG_1(1).jpg"),
        ("IMG_1.jpg.json", "IMG_1-edited.jpg"),
        (X47[:46] + ".json", X47 + ".jpg"),
    ],
)
def test_the_values_of_a_json_file_apply_to_its_photo_in_either_order(
    album, data_dir, name, photo_name, order, develop_each
):
    title = photo_name.replace("(1)", "").replace("-edited", "")
    files = [(photo_name, jpeg()), (name, takeout_json(title))]

    batch = send(album, [files[index] for index in order], develop_each=develop_each)

    photo, companion = album.photos.get(), Companion.objects.get()
    assert (photo.taken_at, photo.taken_offset_minutes) == (datetime(2020, 2, 3, 4, 5, 6, tzinfo=UTC), 0)
    assert (photo.taken_from, photo.caption, photo.title, photo.rating) == ("json", "By the sea", "", 5)
    assert (photo.latitude, photo.longitude, photo.altitude) == (51.5, -0.5, 12.5)
    assert (companion.photo, companion.kind, companion.name) == (photo, Companion.Kind.SIDECAR, name)
    assert (data_dir / companion.key).read_bytes() == takeout_json(title)
    verify_files()
    assert receipt_query.build(batch).is_safe
    assert (album_report.build(album).added, album_report.build(album).kept) == (1, 1)


def test_a_json_file_adds_time_and_place_only_to_a_photo_without_them(album):
    send(album, [("IMG_1.jpg", jpeg(TAKEN)), ("IMG_1.jpg.json", takeout_json())])

    photo = album.photos.get()
    assert (photo.taken_at, photo.taken_from) == (datetime(2024, 5, 1, 10, tzinfo=UTC), "exif")
    assert (photo.caption, photo.latitude) == ("By the sea", 51.5)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_values_of_an_xmp_sidecar_have_precedence(album, order):
    properties = {"exif_DateTimeOriginal": "2021-01-01T00:00:00", "xmp_Rating": "2"}
    files = [("IMG_1.jpg", jpeg()), ("IMG_1.jpg.json", takeout_json()), ("IMG_1.xmp", sidecar(**properties))]

    send(album, [files[index] for index in order], develop_each=True)

    photo = album.photos.get()
    assert (photo.title, photo.caption, photo.rating, photo.taken_from) == ("Evening", "By the sea", 2, "xmp")
    assert Companion.objects.filter(photo=photo).count() == 2


def test_a_json_file_applies_to_the_edited_copy_and_is_stored_with_the_original(album):
    files = [("IMG_1-edited.jpg", jpeg(number=1)), ("IMG_1.jpg.json", takeout_json()), ("IMG_1.jpg", jpeg(number=2))]

    send(album, files, develop_each=True)

    assert [photo.caption for photo in album.photos.all()] == ["By the sea", "By the sea"]
    assert Companion.objects.get().photo.name == "IMG_1.jpg"


def test_photos_with_numbered_names_get_the_values_of_their_own_json_files(album):
    files = [
        ("IMG_1.jpg", jpeg(number=1)),
        ("IMG_1(1).jpg", jpeg(number=2)),
        ("IMG_1.jpg.json", takeout_json(description="One")),
        ("IMG_1.jpg(1).json", takeout_json(description="Two")),
    ]

    send(album, files)

    assert {photo.name: photo.caption for photo in album.photos.all()} == {"IMG_1.jpg": "One", "IMG_1(1).jpg": "Two"}


def test_a_json_file_applies_to_neither_of_two_photos_with_the_same_name(album):
    files = [("IMG_1.jpg", jpeg(number=1)), ("IMG_1.jpg", jpeg(number=2)), ("IMG_1.jpg.json", takeout_json())]

    send(album, files)

    assert [photo.caption for photo in album.photos.all()] == ["", ""]
    assert Companion.objects.get().photo is None


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize(("still", "video"), [("PXL_1.MP.jpg", "PXL_1.MP"), ("IMG_1.HEIC", "IMG_1.MP4")])
def test_the_video_of_a_motion_photo_is_stored_with_it(album, order, still, video):
    files = [(still, jpeg()), (video, MOV)]

    send(album, [files[index] for index in order])

    assert Companion.objects.get(kind="motion").photo == album.photos.get()


@pytest.mark.parametrize(
    "content", [b'{"title": "IMG_1.jpg"}', b'{"title": "IMG_1.jpg", "photoTakenTime": [', b'{"title":' + b"[" * 5000]
)
def test_a_json_file_without_readable_values_is_stored_too(album, content):
    send(album, [("IMG_1.jpg", jpeg()), ("IMG_1.jpg.supplemental-metadata.json", content)])

    assert Companion.objects.get().photo == album.photos.get()
    assert not ProcessingJob.objects.exclude(state=JobState.COMPLETED).exists()


def test_a_json_file_that_is_not_from_takeout_is_rejected(album):
    send(album, [("settings.json", b'{"version": 1, "theme": "dark"}')])

    assert ProcessingJob.objects.get().error_code == "not-an-image"


@pytest.mark.once
class TestContent:
    def read(self, **changes):
        return takeout.read(takeout_json(**changes))[0]

    def test_a_byte_order_mark_is_ignored(self):
        assert takeout.read(b"\xef\xbb\xbf" + takeout_json()) == takeout.read(takeout_json())

    def test_the_title_is_the_full_name_without_html_escapes(self):
        assert takeout.read(takeout_json(title="Tom &amp; Jerry&#39;s.jpg"))[1] == "Tom & Jerry's.jpg"

    @pytest.mark.parametrize("time", ["0", "99999999999", "-99999999999", "x", "", None, [], "9" * 400])
    def test_an_invalid_time_is_ignored(self, time):
        assert self.read(photoTakenTime={"timestamp": time}).taken_at is None

    def test_a_time_before_1970_is_valid(self):
        assert self.read(photoTakenTime={"timestamp": "-86400"}).taken_at == "1969-12-31T00:00:00+00:00"

    def test_the_cameras_place_counts_if_the_user_set_none(self):
        no_place = {"latitude": 0.0, "longitude": 0.0, "altitude": 0.0}
        camera_place = {"latitude": 48.0, "longitude": 11.0, "altitude": 0.0}

        gps = self.read(geoData=no_place, geoDataExif=camera_place).gps

        assert (gps.latitude, gps.longitude, gps.altitude) == (48.0, 11.0, None)

    @pytest.mark.parametrize(
        "place",
        [None, [], {"latitude": "48"}, {"latitude": 91.0, "longitude": 1.0}, {"latitude": True, "longitude": 1.0}],
    )
    def test_an_invalid_place_is_ignored(self, place):
        assert self.read(geoData=place).gps is None

    @pytest.mark.parametrize(
        "content", [b"", b"{", b"[]", b'{"geoData": {"latitude": NaN, "longitude": 1e999}}', b"{" * 100_000]
    )
    def test_invalid_json_raises_no_error(self, content):
        assert takeout.read(content)[0].gps is None

    def test_a_photo_that_is_no_favourite_has_no_rating(self):
        assert self.read(favorited=False).rating is None
