"""Calls: what a process's name is bound to, and what a call shares among its tasks."""
