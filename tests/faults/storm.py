"""Web and worker are killed at random moments, while senders send photos to albums and send again whatever was not answered."""

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
WEIGHTS = (35, 35, 10, 20)
PATIENCE_SECONDS = 900.0
DONE = """
    SELECT (SELECT count(*) FROM albums_photo)
         + (SELECT count(*) FROM processing_upload WHERE state = 'received')
"""


@dataclass(frozen=True, slots=True)
class Form:
    """What one sender sends at once, again and again until it is answered well."""

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

    def rage(self, albums: Mapping[int, Mapping[str, bytes]]) -> Figures:
        """Send the albums' photos through the storm, wait until it has calmed, and count."""
        chance = random.Random(self.seed)
        sent = {one for album, photos in albums.items() for one in aftermath.sent_to(album, photos.values())}
        self.installation.start("run_huey")
        with ThreadPoolExecutor(self.senders) as pool:
            senders = [pool.submit(self._send_all, forms) for forms in self._forms(albums)]
            self._kill_all(chance, 2 * len(sent), senders)
        aftermath.settle(self.installation, PATIENCE_SECONDS)
        return aftermath.figures(self.installation, sent, {one for sender in senders for one in sender.result()})

    def _forms(self, albums: Mapping[int, Mapping[str, bytes]]) -> Iterator[Sequence[Form]]:
        for album, photos in albums.items():
            names = list(photos)
            groups = [names[start : start + self.at_once] for start in range(0, len(names), self.at_once)]
            yield [Form(album, uuid.uuid4(), {name: photos[name] for name in group}) for group in groups]

    def _send_all(self, forms: Sequence[Form]) -> set[Sent]:
        session = polling.until(self.installation.sign_in, PATIENCE_SECONDS)
        acknowledged = set()
        for form in forms:
            polling.until(lambda form=form: self._is_answered(session, form), PATIENCE_SECONDS)  # type: ignore[misc]
            acknowledged |= aftermath.sent_to(form.album, form.photos.values())
        return acknowledged

    def _is_answered(self, session: requests.Session, form: Form) -> bool:
        answer = self.installation.send(session, form.album, form.photos, token=form.token)
        assert answer.status_code in (200, 409, 503), answer.text
        return answer.ok

    def _kill_all(self, chance: random.Random, steps: int, senders: Sequence[Future[set[Sent]]]) -> None:
        """Spread over the work: so many kills for so many steps, each at a random moment."""
        calm = threading.Event()
        for number in range(self.kills):
            polling.until(
                lambda number=number: self._steps_done() >= number * steps / self.kills or self._is_over(senders),  # type: ignore[misc]
                PATIENCE_SECONDS,
                f"no progress after {number} kills",
            )
            calm.wait(chance.uniform(0, 0.5))
            self._kill(chance)

    def _steps_done(self) -> int:
        return int(self.installation.ask(DONE)[0][0])

    def _is_over(self, senders: Sequence[Future[set[Sent]]]) -> bool:
        """Then something is missing, which the figures will tell."""
        return all(sender.done() for sender in senders) and not self.installation.ask(aftermath.LOCKED)

    def _kill(self, chance: random.Random) -> None:
        victim = chance.choices(VICTIMS, WEIGHTS)[0]
        name = victim.removeprefix("child of ")
        if victim == name:
            self.installation.kill(name)
            self._expire(name)
            self.installation.start(name)
        elif children := processes.children(self.installation.processes[name].pid):
            with suppress(ProcessLookupError), processes.stopped(self.installation.processes[name].pid):
                child = chance.choice(children)
                os.kill(child, signal.SIGKILL)
                if name == "serve":
                    polling.until(lambda: not processes.is_alive(child), what="a web process survives SIGKILL")
                    self._expire(name)

    def _expire(self, name: str) -> None:
        """Let time out what the dead process held. None that took its place has begun anything yet."""
        if name == "serve":
            aftermath.expire_uploads(self.installation)
        else:
            aftermath.expire_claims(self.installation)
