import pytest

from albums.attachments import attachment

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("IMG_1.JPG", 'attachment; filename="IMG_1.JPG"'),
        ('say "cheese".jpg', r'attachment; filename="say \"cheese\".jpg"'),
        ("100% real%20.jpg", "attachment; filename*=utf-8''100%25%20real%2520.jpg"),
        ("Été 50%.jpg", "attachment; filename*=utf-8''%C3%89t%C3%A9%2050%25.jpg"),
        ("\U0001fae9.jpg", "attachment; filename*=utf-8''%F0%9F%AB%A9.jpg"),
        ("\u0645\u06cc\u200c\u062e\u0648", "attachment; filename*=utf-8''%D9%85%DB%8C%E2%80%8C%D8%AE%D9%88"),
        ("", "attachment"),
    ],
)
def test_a_download_has_the_name_of_its_file(name, header):
    assert attachment(name) == header
