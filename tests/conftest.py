"""What holds for all tests: none of them asserts a time, so that a busy machine fails none."""

from __future__ import annotations

import signal

from hypothesis import settings

settings.register_profile("nbflow", deadline=None)
settings.load_profile("nbflow")

# A shell starts background jobs with SIGINT and SIGQUIT ignored, nohup with SIGHUP too, and every program that they start
# inherits that: the signals that tests send would be lost, and the tests wait for ever.
for number, action in {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGQUIT: signal.SIG_DFL,
    signal.SIGHUP: signal.SIG_DFL,
    signal.SIGTERM: signal.SIG_DFL,
}.items():
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, action)
