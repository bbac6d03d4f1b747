"""ZIP archives of photos. Their bytes are computed from rows (docs/decisions/0022-zip-files-are-computed.md)."""
