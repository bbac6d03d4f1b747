import pytest

from processing.queries.upload_parts import UploadParts


@pytest.mark.parametrize(
    ("stored", "expected", "words"),
    [
        ((), (1,), "0 parts in the bucket, uploading part 1"),
        ((1,), (2,), "1 part in the bucket, uploading part 2"),
        ((1, 2), (3, 5), "2 parts in the bucket, uploading parts 3, 5"),
        ((1, 2), (), "2 parts in the bucket"),
        ((), (0,), "uploading to the bucket in one piece"),
    ],
)
def test_it_is_told_in_words(stored, expected, words):
    assert UploadParts(stored, expected).text == words
