"""The version of Python that runs here, as far as it decides which code can run."""

from __future__ import annotations

import sys

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
"""As in ``3.12``: code objects of one such version mean nothing to another."""
