"""Removes the second factors of a user without phone, passkeys and recovery codes."""

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.accounts import second_factor
from processing.management import SETTINGS_ONLY


class Command(BaseCommand):
    help = "Remove a user's authenticator app, passkeys and recovery codes. The user then signs in with the password alone."
    requires_system_checks = SETTINGS_ONLY

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="username")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            user = User.objects.get(username=options["name"])
        except User.DoesNotExist as error:
            raise CommandError(f"No user is called {options['name']}.") from error
        removed = second_factor.remove(user)
        self.stdout.write(f"Removed: {removed}. {user.get_username()} signs in with the password alone.")
