"""The session picker and the cache browser in a notebook: widgets where a front end is there, a plain table elsewhere."""
