"""Relaunching a run that failed: the offer below the failed cell, and what comes of it."""
