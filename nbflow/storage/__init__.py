"""Bytes and paths: LevelDB, the task cache, work directories, values, history. Knows no process and no notebook."""
