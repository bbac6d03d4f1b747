"""What commands check before they run: the settings, which differ from one installation to the next, and not the code."""

import pytest
from django.core.management import call_command, get_commands, load_command_class
from django.core.management.base import SystemCheckError

from processing.management import SETTINGS_ONLY

COMMANDS = sorted((app, name) for name, app in get_commands().items() if app in ("config", "processing"))


@pytest.mark.parametrize(("app", "name"), COMMANDS)
def test_every_command_checks_the_settings_and_leaves_out_the_code(app, name):
    assert load_command_class(app, name).requires_system_checks == SETTINGS_ONLY


def test_the_worker_starts_with_our_command():
    assert get_commands()["run_huey"] == "config"


@pytest.mark.django_db
@pytest.mark.once
def test_a_command_with_unsafe_settings_does_not_run(settings):
    settings.SECRET_KEY = "short"

    with pytest.raises(SystemCheckError, match="SECRET_KEY is shorter"):
        call_command("queue_status", skip_checks=False)
