#!/usr/bin/env python
"""Django's command line."""

import gc
import os
import sys

if __name__ == "__main__":
    gc.disable()  # until config.apps has started: imports leave no garbage, and looking for it took an eighth of the start
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.management import execute_from_command_line

    from config.server import prctl

    prctl.hide_memory()  # the settings hold secrets
    execute_from_command_line(sys.argv)
