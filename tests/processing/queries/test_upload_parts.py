import pytest

from processing.queries.upload_parts import UploadParts


@pytest.mark.parametrize(
    ("stored", "expected", "text"),
    [
        ((), (1,), "0 parts in the bucket, uploading part 1"),
        ((1,), (2,), "1 part in the bucket, uploading part 2"),
        ((1, 2), (3, 5), "2 parts in the bucket, uploading parts 3, 5"),
        ((1, 2), (), "2 parts in the bucket"),
        ((), (0,), "uploading to the bucket in one piece"),
    ],
)
def test_the_text_counts_stored_parts_and_names_the_parts_being_uploaded(stored, expected, text):
    assert UploadParts(stored, expected).text == text
