"""Bash: what a script reads, and how values become its variables."""
