"""Backups: consistent snapshots of the database and of every file that it references.

A backup is a directory. Each run adds a snapshot:

    files/ab/<sha256>        every file once, under its checksum, also if several keys or snapshots reference it
    snapshots/<time>/        database.sqlite3 or database.dump, manifest.jsonl.gz, optionally secret_key, about.json

A snapshot is renamed from a draft to its time once all files that it references are stored durably.
"""


class BackupError(Exception):
    """The operation failed. The message is for the user of the command; nothing needs to be cleaned up."""
