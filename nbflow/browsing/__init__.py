"""What the session picker and the cache browser show: facts of sessions, runs and tasks as JSON, for any front end.

Beside the Python interface: knows neither widgets nor a kernel, so that a server can show the same before one runs. It
only reads.
"""
