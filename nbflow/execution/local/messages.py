"""Messages of the supervisor and of the warm template: a length (4 bytes, big-endian) and JSON.

Light: also loaded by the supervisor. Knows no message and no socket.
"""

from __future__ import annotations

import json
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_HEADER = struct.Struct("!I")


def frame(message: dict[str, Any]) -> bytes:
    """Bytes of one message."""
    text = json.dumps(message).encode()
    return _HEADER.pack(len(text)) + text


def take_message(inbox: bytearray) -> dict[str, Any] | None:
    """Cut the first whole message off the bytes received, if there is one."""
    if len(inbox) < _HEADER.size:
        return None
    end = _HEADER.size + _HEADER.unpack_from(inbox)[0]
    if len(inbox) < end:
        return None
    message: dict[str, Any] = json.loads(inbox[_HEADER.size : end])
    del inbox[:end]
    return message
