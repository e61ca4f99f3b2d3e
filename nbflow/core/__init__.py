"""Pure: facts in, values out. May read a file to hash it; never writes, waits, logs or looks at the clock."""
