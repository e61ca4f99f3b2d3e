"""Where nbflow itself lies, for processes that must find it without the kernel's module path."""

from __future__ import annotations

from pathlib import Path

ROOT = str(Path(__file__).parents[2])
"""The directory that holds the package."""
