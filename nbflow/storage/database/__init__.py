"""The database of a session: stores, LevelDB, its lock, and snapshots of what others own."""
