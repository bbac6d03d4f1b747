"""The receipt of a batch as CSV and JSON."""

import pytest

from albums.models import Photo
from processing.models import Batch, Upload
from processing.rendering import worker
from tests.journeys.batch_client import page, receipt_csv, receipt_json, verified_batch
from tests.processing import making

pytestmark = pytest.mark.django_db


def test_the_csv_receipt_lists_every_file(signed_in, album):
    batch = verified_batch(album)
    making.received(album, b"no picture", name="notes.txt", batch=batch)
    worker.develop_next()
    photo = Photo.objects.get()

    first, second = receipt_csv(signed_in, batch)

    assert first == {
        "name": "IMG_0.JPG",
        "bytes": str(photo.original_bytes),
        "sha256": photo.original_sha256,
        "received": f"{Upload.objects.get(name='IMG_0.JPG').ended_at:%Y-%m-%dT%H:%M:%SZ}",
        "verified": f"{photo.verified_at:%Y-%m-%dT%H:%M:%SZ}",
        "state": "verified",
        "photo": f"http://testserver/photos/{photo.pk}/",
        "code": "",
        "reason": "",
    }
    assert (second["state"], second["code"], second["photo"]) == ("failed", "not-an-image", "")
    assert second["reason"] == batch.jobs.failed().get().error_message


@pytest.mark.parametrize("name", ["=1+1.jpg", "+1.jpg", "-1.jpg", "@SUM(A1).jpg", " =1.jpg", "\uff1d1.jpg"])
def test_names_that_look_like_formulas_are_quoted_in_the_csv(signed_in, album, name):
    batch = making.upload(album).batch
    Upload.objects.update(name=name)

    assert [row["name"] for row in receipt_csv(signed_in, batch)] == [f"'{name}"]
    assert [file["name"] for file in receipt_json(signed_in, batch)["files"]] == [name]


@pytest.mark.parametrize("name", ['Zürich, "See".jpg', "写真.jpg", "a=b.jpg", "IMG-1;2.jpg", "Оля.jpg", "🏔.jpg"])
def test_receipts_list_names_as_they_were_sent(signed_in, album, name):
    batch = making.upload(album, name).batch

    assert [row["name"] for row in receipt_csv(signed_in, batch)] == [name]
    assert [file["name"] for file in receipt_json(signed_in, batch)["files"]] == [name]


def test_the_csv_receipt_begins_with_a_byte_order_mark_for_excel(signed_in, album):
    response = signed_in.get(f"/batches/{making.upload(album).batch.pk}/receipt.csv")

    assert response.streaming
    assert response.getvalue().startswith(b"\xef\xbb\xbfname,bytes,")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"].startswith("attachment; ")


def test_the_json_receipt_has_the_rows_of_the_csv_and_a_summary(signed_in, album):
    batch = verified_batch(album, 2)

    receipt = receipt_json(signed_in, batch)

    assert (receipt["count"], receipt["verified"], receipt["safe"]) == (2, 2, True)
    assert receipt["summary"] == "All 2 files are stored and verified: safe to format the card."
    assert (receipt["album"], receipt["sent_by"]) == ({"id": album.pk, "title": "Summer"}, "owner")
    rows = receipt_csv(signed_in, batch)
    assert [{key: str(value or "") for key, value in file.items()} for file in receipt["files"]] == rows


def test_an_empty_batch_is_not_safe_to_format(signed_in, album):
    batch = Batch.objects.create(album=album, source=Batch.Source.TUS)

    assert receipt_csv(signed_in, batch) == []
    assert receipt_json(signed_in, batch)["safe"] is False
    assert "safe to format" not in page(signed_in, batch)
