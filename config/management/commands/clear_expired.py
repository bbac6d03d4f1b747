"""Deletes sessions, and counted tries to sign in, that ended. Workers do it once an hour."""

from typing import Any

from django.core.management.base import BaseCommand

from config.accounts import expiry
from processing.management import SETTINGS_ONLY


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = SETTINGS_ONLY

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(str(expiry.clear()))
