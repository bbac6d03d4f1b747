"""The upload form compared with plain copying: the same files, to the same disk, with the same fsyncs."""

import os
import tempfile
import time
from pathlib import Path

FILES, SIZE = 12, 12 << 20


def run() -> None:
    with tempfile.TemporaryDirectory() as directory:
        os.environ |= {
            "DATA_DIR": directory,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "ALLOWED_HOSTS": "testserver",
        }
        contents = [os.urandom(SIZE) for _ in range(FILES)]
        copied = _copy(Path(directory), contents)
        posted = _post(contents)
    from benchmarks.measure import table

    total = FILES * SIZE / (1 << 20)
    rows = [
        [name, f"{total / s:.0f}", f"{copied / s:.2f}"] for name, s in (("write + fsync", copied), ("the form", posted))
    ]
    table(f"Taking in {FILES} files of {SIZE >> 20} MiB, without a network", ("", "MiB/s", "ratio"), rows)


def _copy(directory: Path, contents: list[bytes]) -> float:
    begun = time.perf_counter()
    for number, content in enumerate(contents):
        with (directory / f"copy-{number}").open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    return time.perf_counter() - begun


def _post(contents: list[bytes]) -> float:
    import django

    django.setup()
    from django.contrib.auth.models import User
    from django.core.files.uploadedfile import SimpleUploadedFile
    from django.core.management import call_command
    from django.test import Client
    from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

    from albums.models import Album

    call_command("migrate", verbosity=0)
    owner = User.objects.create_user("owner")
    client = Client()
    client.force_login(owner)
    album = Album.objects.create(title="Bench", owner=owner)
    files = [SimpleUploadedFile(f"{number}.jpg", content) for number, content in enumerate(contents)]
    body = encode_multipart(BOUNDARY, {"photos": files})
    begun = time.perf_counter()
    response = client.generic("POST", f"/albums/{album.pk}/uploads/", body, content_type=MULTIPART_CONTENT)
    if response.status_code != 302 or album.jobs.count() != FILES:
        raise RuntimeError(f"the form answered {response.status_code} and made {album.jobs.count()} jobs")
    return time.perf_counter() - begun
