"""Runs tasks: runner, channels, executors, worker. Gets its cache, work directories and executor handed in."""
