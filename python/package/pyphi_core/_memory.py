"""The memory that this process may still take, as far as the system tells."""

from __future__ import annotations

import os
from typing import Optional

from ._files import read_bounded


def left() -> Optional[int]:
    """The bytes that this process may still take: of the machine, its control groups and its
    limits. What the system does not tell is no limit."""
    known = [_of_machine(), _of_groups(), _of_limits()]
    return min((it for it in known if it is not None), default=None)


def _text(path: str) -> str:
    try:
        return read_bounded(path, 1 << 20).decode()
    except (OSError, ValueError):
        return ""


def _fields(path: str) -> dict[str, int]:
    """The numbers of lines such as ``MemAvailable: 12 kB`` or ``inactive_file 12``."""
    found = {}
    for line in _text(path).splitlines():
        words = line.replace(":", " ").split()
        if len(words) >= 2 and words[1].isdigit():
            found[words[0]] = int(words[1]) * (1024 if words[-1] == "kB" else 1)
    return found


def _of_machine() -> Optional[int]:
    found = _fields("/proc/meminfo").get("MemAvailable")
    if found is not None:
        return found
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _number(path: str) -> Optional[int]:
    text = _text(path).strip()
    return int(text) if text.isdigit() else None


def _of_groups() -> Optional[int]:
    known = []
    for line in _text("/proc/self/cgroup").splitlines():
        _, controllers, path = (line.split(":", 2) + ["", ""])[:3]
        if controllers == "":
            roots, limits = (
                ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"],
                ["memory.max", "memory.high"],
            )
            used, cached = "memory.current", "inactive_file"
        elif "memory" in controllers.split(","):
            roots, limits = ["/sys/fs/cgroup/memory"], ["memory.limit_in_bytes"]
            used, cached = "memory.usage_in_bytes", "total_inactive_file"
        else:
            continue
        # In a container the path may be that of the host, of which only the root is seen.
        names = [it for it in path.split("/") if it and it != ".."]
        for root in roots:
            for depth in range(len(names) + 1):
                folder = "/".join([root, *names[:depth]])
                most = [it for it in (_number(f"{folder}/{name}") for name in limits) if it]
                taken = _number(f"{folder}/{used}")
                if most and taken is not None:
                    taken -= _fields(f"{folder}/memory.stat").get(cached, 0)
                    known.append(max(min(most) - max(taken, 0), 0))
    return min(known, default=None)


def _of_limits() -> Optional[int]:
    try:
        import resource
    except ImportError:
        return None
    used = _fields("/proc/self/status")
    known = []
    for limit, name in ((resource.RLIMIT_AS, "VmSize"), (resource.RLIMIT_DATA, "VmData")):
        most = resource.getrlimit(limit)[0]
        if most != resource.RLIM_INFINITY and name in used:
            known.append(max(most - used[name], 0))
    return min(known, default=None)
