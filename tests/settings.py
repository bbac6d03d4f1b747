"""The product's own settings, away from any installation's data, and faster where slowness is the point."""

import atexit
import os
import tempfile

from tests import stack

_data = tempfile.TemporaryDirectory(prefix="darkroom-tests-")
atexit.register(_data.cleanup)
os.environ["DATA_DIR"] = _data.name
os.environ["MEMORY_MARK"] = "100"  # what else runs on the developer's machine is none of the tests' business
os.environ["USER_FILES_PER_DAY"] = "0"  # nor are counts of a user's files, where a test counts queries
os.environ["STAGING_QUOTA"] = "0"  # nor is counting what waits, where a test counts queries

os.environ.update(stack.environment())

import huey  # noqa: E402, F401 - whole, for the tests that use Redis; the settings leave its client out without REDIS_URL

from config import huey as config_huey  # noqa: E402

config_huey.REDIS_TIMEOUTS.update(
    socket_timeout=60, socket_connect_timeout=60
)  # before the settings make their connections

from config.settings import *  # noqa: E402, F403
from config.settings import STATIC_ROOT, STORAGES  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # the real one is slow on purpose
STORAGES = STORAGES | {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
STATIC_ROOT.mkdir()
