"""Batches in each state, and the pages that show them."""

import csv
import io
import json
from typing import Any

from django.test import Client

from albums.models import Album
from processing import jobs
from processing.integrity import post_write
from processing.models import Batch
from processing.rendering import worker
from tests.processing import making


def client_of(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def received_batch(album: Album, count: int = 1, name: str = "IMG_{}.JPG") -> Batch:
    batch = making.received(album, making.jpeg((500, 400)), name=name.format(0)).batch
    for number in range(1, count):
        making.received(album, making.jpeg((500, 400)), name=name.format(number), batch=batch)
    return batch


def processed_batch(album: Album, count: int = 1, name: str = "IMG_{}.JPG") -> Batch:
    batch = received_batch(album, count, name)
    while worker.develop_next():
        pass
    return batch


def verified_batch(album: Album, count: int = 1, name: str = "IMG_{}.JPG") -> Batch:
    batch = processed_batch(album, count, name)
    while post_write.verify_next():
        pass
    return batch


def failed_batch(album: Album, count: int = 1) -> Batch:
    batch = received_batch(album, count)
    for _ in range(count):
        jobs.give_up(jobs.claim_next("tester"), "broken", "The file is damaged.")
    return batch


def page(client: Client, batch: Batch, query: str = "") -> str:
    return client.get(f"/batches/{batch.pk}/{query}").content.decode()


def listed(client: Client, query: str = "") -> list[int]:
    return [entry.batch.pk for entry in client.get(f"/batches/{query}").context["entries"]]


def receipt_csv(client: Client, batch: Batch) -> list[dict[str, str]]:
    content = client.get(f"/batches/{batch.pk}/receipt.csv").getvalue().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(content, newline="")))


def receipt_json(client: Client, batch: Batch) -> dict[str, Any]:
    return json.loads(client.get(f"/batches/{batch.pk}/receipt.json").getvalue())
