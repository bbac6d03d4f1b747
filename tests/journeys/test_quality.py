"""The quality check page, and renditions in two formats."""

import io
import re

import pytest
from django.test import Client
from PIL import Image

from albums import quality
from albums.models import Photo, Rendition
from processing.pipeline import DEFAULT
from processing.rendering import rerender, shared_sandbox, worker
from tests import stack
from tests.processing import making

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(owner) -> Client:
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def photo(album) -> Photo:
    return processed_photo(album, making.jpeg((900, 600)))


def processed_photo(album, content: bytes) -> Photo:
    making.received(album, content)
    assert worker.develop_next()
    return album.photos.get()


def page_of(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return re.sub(r"\s+", " ", response.content.decode())


def test_the_original_is_compared_with_the_largest_rendition(photo, client):
    page = page_of(client, f"/photos/{photo.pk}/quality/")

    large = photo.renditions.get(edge=900)
    assert re.findall(r'<img src="([^"]+)"', page) == [f"/photos/{photo.pk}/original/", large.get_absolute_url()]
    assert f"<td>{large.bytes / (900 * 600):.2f}</td>" in page
    assert f"<code>{DEFAULT.version}</code>" in page


def test_any_rendition_can_be_selected_for_comparison(photo, client):
    page = page_of(client, f"/photos/{photo.pk}/quality/?with=400.webp")

    small = photo.renditions.get(edge=400)
    assert re.findall(r'<img src="([^"]+)"', page)[1] == small.get_absolute_url()
    assert '<a href="?with=400.webp" aria-current="true">' in page


def test_an_unknown_rendition_falls_back_to_the_default(photo):
    assert quality.build(photo, "1600.jpg").compared.id == "900.webp"


def test_the_largest_preview_replaces_an_original_that_browsers_cannot_display(album, client):
    content = io.BytesIO()
    Image.new("RGB", (900, 600)).save(content, "TIFF")
    photo = processed_photo(album, content.getvalue())

    page = page_of(client, f"/photos/{photo.pk}/quality/")

    assert "display TIFF; showing the largest preview instead." in page
    addresses = [photo.renditions.get(edge=edge).get_absolute_url() for edge in (900, 800)]
    assert re.findall(r'<img src="([^"]+)"', page) == addresses


def test_a_photo_without_renditions_has_nothing_to_compare(photo, client):
    photo.renditions.all().delete()

    assert "<compare-slider" not in page_of(client, f"/photos/{photo.pk}/quality/")


def test_unknown_values_are_left_empty(photo, client):
    Photo.objects.update(bit_depth=None)

    page = page_of(client, f"/photos/{photo.pk}/quality/")

    assert '<th scope="row">Original, JPEG</th> <td>none</td> <td></td> <td></td> <td>900 ' in page


def test_profile_gamut_and_bit_depth_of_the_original_are_stored(photo):
    assert (photo.profile, photo.gamut, photo.bit_depth) == ("", None, 8)


def test_every_page_offers_avif_before_webp(album, client, settings):
    settings.AVIF = True
    photo = processed_photo(album, making.jpeg((900, 600)))
    avif = [rendition.get_absolute_url() for rendition in photo.renditions.filter(format="avif")]
    assert [address.rsplit("/", 1)[1] for address in avif] == ["900.avif", "800.avif", "400.avif"]

    for address in ("/albums/", album.get_absolute_url(), photo.get_absolute_url()):
        page = page_of(client, address)
        source = re.search(
            r'<picture>\s*<source type="image/avif" srcset="([^"]+)" sizes="[^"]+">\s*<img [^>]*srcset="([^"]+)"', page
        )
        assert {part.split()[0] for part in source[1].split(",")} == set(avif), address
        assert ".avif" not in source[2], address


def test_without_avif_pages_offer_webp_only(photo, client):
    assert "<source" not in page_of(client, photo.get_absolute_url())


def test_each_rendition_is_served_with_its_content_type(album, client, settings):
    settings.AVIF = True
    photo = processed_photo(album, making.jpeg((500, 400)))

    for rendition in photo.renditions.all():
        content, headers = stack.delivered(client.get(rendition.get_absolute_url()))
        assert headers["Content-Type"] == f"image/{rendition.format}"
        assert Image.open(io.BytesIO(content)).format.lower() == rendition.format


def test_links_to_replaced_renditions_redirect_to_the_new_ones(photo, client, settings):
    old_urls = {rendition.edge: rendition.get_absolute_url() for rendition in photo.renditions.all()}
    settings.RENDITION_EDGES = [700, 300]
    worker.stop()
    shared_sandbox.sandbox.cache_clear()
    rerender.enqueue(rerender.select(Photo.objects.all()))
    assert rerender.render_next()

    new_urls = {rendition.edge: rendition.get_absolute_url() for rendition in Rendition.objects.all()}
    assert [client.get(old_urls[edge]).headers["Location"] for edge in (800, 400)] == [new_urls[700], new_urls[300]]
    assert "no-store" in client.get(old_urls[800])["Cache-Control"]


def test_an_unknown_rendition_format_is_not_found(photo, client):
    address = photo.renditions.first().get_absolute_url()

    assert client.get(address.replace(".webp", ".jpg")).status_code == 404
