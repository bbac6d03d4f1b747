"""Django's cache in the database that this installation has, so that all its web processes share it.

Rate limits need that: a cache per process would count each process's part, and one in Redis would forget while Redis is away.
Values are JSON. Django's own database cache keeps pickles, and whoever could write such a row could run code in the web server.
"""

import json
import time
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.db import connection

from config.models import CachedValue

SET = """
INSERT INTO {table} ("key", "value", "expires_at") VALUES (%s, %s, %s)
ON CONFLICT ("key") DO UPDATE SET "value" = excluded."value", "expires_at" = excluded."expires_at"
"""
ADD = SET + ' WHERE {table}."expires_at" <= %s'
FOR_EVER = 1e300


class DatabaseCache(BaseCache):
    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """False where there is a value. Of several callers at once, in any process, one gets True: it is one statement."""
        row = self._row(key, value, timeout, version)
        return self._write(ADD, [*row, time.time()]) == 1

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        rows = CachedValue.objects.filter(key=self._key(key, version), expires_at__gt=time.time())
        found = rows.values_list("value", flat=True).first()
        return default if found is None else json.loads(found)

    def set(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        self._write(SET, self._row(key, value, timeout, version))

    def touch(self, key: str, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        rows = CachedValue.objects.filter(key=self._key(key, version), expires_at__gt=time.time())
        return rows.update(expires_at=self._expiry(timeout)) == 1

    def delete(self, key: str, version: int | None = None) -> bool:
        return CachedValue.objects.filter(key=self._key(key, version)).delete()[0] == 1

    def clear(self) -> None:
        CachedValue.objects.all().delete()

    def _key(self, key: str, version: int | None) -> str:
        return self.make_and_validate_key(key, version=version)

    def _row(self, key: str, value: Any, timeout: Any, version: int | None) -> list[Any]:
        return [self._key(key, version), json.dumps(value), self._expiry(timeout)]

    def _expiry(self, timeout: Any) -> float:
        if timeout == DEFAULT_TIMEOUT:
            timeout = self.default_timeout
        return FOR_EVER if timeout is None else time.time() + timeout

    def _write(self, statement: str, values: list[Any]) -> int:
        """How many rows that changed: 0 or 1."""
        with connection.cursor() as cursor:
            cursor.execute(statement.format(table=connection.ops.quote_name(CachedValue._meta.db_table)), values)
            return int(cursor.rowcount)


def clear_expired(at_most: int = 10_000) -> int:
    """Deletes what no longer counts. How many values that were."""
    old = CachedValue.objects.filter(expires_at__lte=time.time()).values("key")[:at_most]
    return CachedValue.objects.filter(key__in=old).delete()[0]
