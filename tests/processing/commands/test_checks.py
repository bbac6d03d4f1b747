"""System checks of commands: only those of the settings, which differ between installations, not those of the code."""

import pytest
from django.core.management import call_command, get_commands, load_command_class
from django.core.management.base import SystemCheckError

from processing.management import SETTINGS_ONLY

COMMANDS = sorted((app, name) for name, app in get_commands().items() if app in ("config", "processing"))


@pytest.mark.parametrize(("app", "name"), COMMANDS)
def test_every_command_checks_only_the_settings(app, name):
    assert load_command_class(app, name).requires_system_checks == SETTINGS_ONLY


def test_run_huey_is_darkrooms_own_command():
    assert get_commands()["run_huey"] == "config"


@pytest.mark.django_db
@pytest.mark.once
def test_a_command_with_unsafe_settings_does_not_run(settings):
    settings.SECRET_KEY = "short"

    with pytest.raises(SystemCheckError, match="SECRET_KEY is shorter"):
        call_command("queue_status", skip_checks=False)
