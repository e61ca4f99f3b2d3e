"""Channels: how items move, and how they become tasks."""
