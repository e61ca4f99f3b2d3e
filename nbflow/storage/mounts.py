"""Which paths lie on network file systems, where mapping a file is not safe. Knows mount tables only."""

from __future__ import annotations

import os
import sys
from functools import lru_cache

_DISTRIBUTED = "afpfs afs beegfs ceph gpfs lustre ncpfs panfs pvfs2 webdav davfs fuse.gcsfuse fuse.s3fs"
_SHARED = "9p cifs fuse.sshfs nfs nfs4 smb3 smbfs"
_NETWORK = frozenset(f"{_DISTRIBUTED} {_SHARED}".split())


def is_network(path: str) -> bool:
    """Tell whether a path lies on a network file system.

    Parameters
    ----------
    path : str
        An existing file or directory.

    Returns
    -------
    bool
        True for NFS, CIFS, Lustre and the like; False where the mount table names no such file system.
    """
    return _is_network(os.path.dirname(os.path.realpath(path)))


@lru_cache(maxsize=256)
def _is_network(directory: str) -> bool:
    holding = [(point, kind) for point, kind in _mounts() if os.path.commonpath([directory, point]) == point]
    return bool(holding) and max(holding, key=lambda mount: len(mount[0]))[1] in _NETWORK


def _mounts() -> list[tuple[str, str]]:
    """Mount points and the types of their file systems."""
    if sys.platform == "linux":
        with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as file:
            rows = [line.split() for line in file]
        return [(row[1].encode().decode("unicode_escape"), row[2]) for row in rows]
    import psutil  # Elsewhere there is no such file, and psutil costs milliseconds that only large values pay.

    return [(mount.mountpoint, mount.fstype) for mount in psutil.disk_partitions(all=True)]
