"""Huey's command, which runs a worker, with checks of the settings only. All checks import all pages: 0.5 s, 15 MB."""

from huey.contrib.djhuey.management.commands import run_huey

from processing.management import SETTINGS_ONLY


class Command(run_huey.Command):  # type: ignore[misc]
    requires_system_checks = SETTINGS_ONLY
