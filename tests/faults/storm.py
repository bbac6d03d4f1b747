"""Kills web servers and workers at random moments, while senders upload photos and repeat every request that failed."""

import os
import random
import signal
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

import requests

from tests import polling
from tests.faults import aftermath
from tests.faults.aftermath import Figures, Sent
from tests.installation import Installation
from tests.support import processes

VICTIMS = ("serve", "run_huey", "child of serve", "child of run_huey")
VICTIM_WEIGHTS = (35, 35, 10, 20)
MAX_WAIT_SECONDS = 900.0
DONE = """
    SELECT (SELECT count(*) FROM albums_photo)
         + (SELECT count(*) FROM processing_upload WHERE state = 'received')
"""


@dataclass(frozen=True, slots=True)
class Form:
    """One form, which its sender repeats until the server accepts it."""

    album: int
    token: uuid.UUID
    photos: Mapping[str, bytes]


@dataclass
class Storm:
    installation: Installation
    kills: int
    seed: int
    senders: int = 4
    at_once: int = 5

    def run(self, albums: Mapping[int, Mapping[str, bytes]]) -> Figures:
        """Send the albums' photos during the kills, wait until recovery is complete, and count."""
        random_source = random.Random(self.seed)
        sent = {file for album, photos in albums.items() for file in aftermath.sent_to(album, photos.values())}
        self.installation.start("run_huey")
        with ThreadPoolExecutor(self.senders) as pool:
            senders = [pool.submit(self._send_all, forms) for forms in self._forms(albums)]
            self._kill_all(random_source, 2 * len(sent), senders)
        aftermath.settle(self.installation, MAX_WAIT_SECONDS)
        return aftermath.figures(self.installation, sent, {file for sender in senders for file in sender.result()})

    def _forms(self, albums: Mapping[int, Mapping[str, bytes]]) -> Iterator[Sequence[Form]]:
        for album, photos in albums.items():
            names = list(photos)
            groups = [names[start : start + self.at_once] for start in range(0, len(names), self.at_once)]
            yield [Form(album, uuid.uuid4(), {name: photos[name] for name in group}) for group in groups]

    def _send_all(self, forms: Sequence[Form]) -> set[Sent]:
        session = polling.until(self.installation.sign_in, MAX_WAIT_SECONDS)
        acknowledged = set()
        for form in forms:
            polling.until(lambda form=form: self._is_accepted(session, form), MAX_WAIT_SECONDS)  # type: ignore[misc]
            acknowledged |= aftermath.sent_to(form.album, form.photos.values())
        return acknowledged

    def _is_accepted(self, session: requests.Session, form: Form) -> bool:
        response = self.installation.send(session, form.album, form.photos, token=form.token)
        assert response.status_code in (200, 409, 503), response.text
        return response.ok

    def _kill_all(self, random_source: random.Random, steps: int, senders: Sequence[Future[set[Sent]]]) -> None:
        """Distribute the kills evenly over the steps, each at a random moment."""
        pause = threading.Event()
        for number in range(self.kills):
            polling.until(
                lambda number=number: self._steps_done() >= number * steps / self.kills or self._is_done(senders),  # type: ignore[misc]
                MAX_WAIT_SECONDS,
                f"no progress after {number} kills",
            )
            pause.wait(random_source.uniform(0, 0.5))
            self._kill(random_source)

    def _steps_done(self) -> int:
        return int(self.installation.ask(DONE)[0][0])

    def _is_done(self, senders: Sequence[Future[set[Sent]]]) -> bool:
        """Whether all senders have returned and no album is locked. Files that are lost then show in the figures."""
        return all(sender.done() for sender in senders) and not self.installation.ask(aftermath.LOCKED)

    def _kill(self, random_source: random.Random) -> None:
        victim = random_source.choices(VICTIMS, VICTIM_WEIGHTS)[0]
        name = victim.removeprefix("child of ")
        if victim == name:
            self.installation.kill(name)
            self._expire(name)
            self.installation.start(name)
        elif children := processes.children(self.installation.processes[name].pid):
            with suppress(ProcessLookupError), processes.stopped(self.installation.processes[name].pid):
                child = random_source.choice(children)
                os.kill(child, signal.SIGKILL)
                if name == "serve":
                    polling.until(lambda: not processes.is_alive(child), what="a web process survives SIGKILL")
                    self._expire(name)

    def _expire(self, name: str) -> None:
        """Expire the uploads or claims of the dead process. Its replacement has not started any yet."""
        if name == "serve":
            aftermath.expire_uploads(self.installation)
        else:
            aftermath.expire_claims(self.installation)
