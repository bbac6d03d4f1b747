"""Users of an installation, with sessions: a test that has its own user sees no rows of other tests."""

import json
from dataclasses import dataclass
from urllib.parse import urljoin

from playwright.sync_api import BrowserContext

from tests.installation import NAME, Installation

NUMBER = 40
"""More users than any module has tests."""
CREATE = f"""
import json
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client

def signed_in(user):
    client = Client()
    client.force_login(user)
    return [user.username, client.cookies["sessionid"].value]

with transaction.atomic():
    first = User.objects.get(username="{NAME}")
    users = [User.objects.create(username=f"person{{number}}", password=first.password) for number in range({NUMBER})]
    print(json.dumps([signed_in(user) for user in [first, *users]]))
"""


@dataclass(frozen=True, slots=True)
class Account:
    name: str
    session: str

    def sign_in(self, context: BrowserContext, address: str) -> None:
        """Sign in with a session cookie, because the form takes a second each time."""
        context.add_cookies([{"name": "sessionid", "value": self.session, "url": urljoin(address, "/")}])


def create(installation: Installation) -> list[Account]:
    """Return the first user, an administrator, and then NUMBER users without any data. All have the same password."""
    output = installation.manage("shell", "-c", CREATE).stdout.splitlines()[-1]
    return [Account(*account) for account in json.loads(output)]
