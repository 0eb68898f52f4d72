"""Files: what is written is there whole or not at all, and what is read is read within bounds."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import select
import stat
import warnings
from typing import Optional, Union

from ._arguments import refused, visible

Path = Union[str, "os.PathLike[str]"]

#: The most bytes of a file with networks: as many as the program reads.
NETWORKS = 256 << 20

#: The variable of the environment that sets another limit, in MiB.
LIMIT = "PHI_MAX_INPUT_MIB"

#: Milliseconds after which it is said that nothing has come yet.
SILENT = 2000


def write_whole(path: Path, text: str) -> None:
    """Puts a text into a file at once or not at all: what was there before is replaced when all of
    the new one is on the disk. A folder, a link, a pipe or a device is neither replaced nor written
    through."""
    place = os.fsdecode(path)
    content = text.encode()
    mode = _mode(place)
    if mode is not None and not stat.S_ISREG(mode):
        expected = "it is a folder, a link, a pipe or a device, expected the name of a file"
        raise FileExistsError(errno.EEXIST, expected, place)
    if mode is not None and not os.access(place, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), place)
    # A name that no other process has, in the same folder: elsewhere it could not be renamed.
    temporary, is_ours = f"{place}.{secrets.token_hex(8)}.tmp", False
    try:
        with open(temporary, "xb") as file:
            is_ours = True
            if mode is not None:
                with contextlib.suppress(OSError):
                    os.chmod(temporary, stat.S_IMODE(mode))
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, place)
    except BaseException as error:
        if is_ours:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        if isinstance(error, OSError):
            raise OSError(error.errno, error.strerror, place) from None
        raise
    if os.name == "posix":
        # So that the name survives a power cut, where the file system can do that.
        with contextlib.suppress(OSError):
            folder = os.open(os.path.dirname(place) or ".", os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def _mode(place: str) -> Optional[int]:
    """What is there, a link being a link; None if there is nothing."""
    try:
        return os.lstat(place).st_mode
    except FileNotFoundError:
        return None


def read_bounded(path: Path, most: int) -> bytes:
    """The content of a file, a pipe or a device, which are refused if they have more bytes than
    ``most``. Where nothing comes from a pipe, that is a warning, and Ctrl-C is heard."""
    place = os.fsdecode(path)

    def opened(name: str, flags: int) -> int:
        # Otherwise opening a pipe would wait for a program that writes to it.
        return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))

    with open(place, "rb", buffering=0, opener=opened) as file:
        found = os.fstat(file.fileno())
        is_file = stat.S_ISREG(found.st_mode)
        if is_file and found.st_size > most:
            raise _too_large(place, f"{found.st_size >> 20} MiB", most)
        if not is_file and not _is_ready(file.fileno(), SILENT):
            said = "nothing has come from it yet; Ctrl-C ends this"
            warnings.warn(f"waiting for {visible(place)}: {said}", stacklevel=4)
            _is_ready(file.fileno(), None)
        content = bytearray()
        while True:
            part = file.read(1 << 20)
            if part is None:  # Nothing more is there yet.
                _is_ready(file.fileno(), None)
            elif part:
                content += part
            else:
                return bytes(content)
            if len(content) > most:
                raise _too_large(place, f"more than {most >> 20} MiB", most)


def network_limit() -> int:
    """The most bytes of a file with networks that are read."""
    given = os.environ.get(LIMIT)
    if given is None:
        return NETWORKS
    number = given.strip()
    if not (number.isdecimal() and len(number) < 12 and int(number) > 0):
        raise refused(f"{LIMIT}={given[:40]}: expected a number of MiB")
    return int(number) << 20


def _too_large(place: str, found: str, most: int) -> Exception:
    expected = f"expected at most {most >> 20} MiB"
    return refused(f"{place}: {found}, {expected}; {LIMIT} in the environment sets another limit")


def _is_ready(file: int, milliseconds: Optional[int]) -> bool:
    """Waits until something can be read, or there will be nothing more."""
    if not hasattr(select, "poll"):
        return True
    poll = select.poll()
    poll.register(file, select.POLLIN)
    return bool(poll.poll(milliseconds))
