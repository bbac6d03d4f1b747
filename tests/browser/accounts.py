"""Users of an installation, each signed in already: a test with a user of its own sees no rows of other tests."""

import json
from dataclasses import dataclass
from urllib.parse import urljoin

from playwright.sync_api import BrowserContext

from tests.installation import NAME, Installation

NUMBER = 40
"""More than a module has tests."""
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
        """Without the form, which costs a second each time."""
        context.add_cookies([{"name": "sessionid", "value": self.session, "url": urljoin(address, "/")}])


def create(installation: Installation) -> list[Account]:
    """The first user, who may do everything, and then NUMBER users who own nothing yet. All have the same password."""
    told = installation.manage("shell", "-c", CREATE).stdout.splitlines()[-1]
    return [Account(*each) for each in json.loads(told)]
