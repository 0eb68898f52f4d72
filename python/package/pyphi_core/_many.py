"""Φ of many networks at once."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Optional

import numpy as np
from numpy.typing import NDArray

from . import _arguments as arguments
from . import _engine
from ._arguments import ArgumentError, Units, mask, refused
from ._network import Network
from ._options import check_memory, limited, options, time_limit

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._options import Options

__all__ = ["phi_many"]

IIT3 = np.dtype(
    [
        ("phi", "=f8"),
        ("sum_phi", "=f8"),
        ("ties", "=u8"),
        ("cut_from", "=u4"),
        ("cut_to", "=u4"),
        ("n_concepts", "=u4"),
        ("exact", "?"),
        ("unreachable", "?"),
        ("_", "V2"),
    ]
)
IIT4 = np.dtype(
    [
        ("phi", "=f8"),
        ("normalized_phi", "=f8"),
        ("big_phi", "=f8"),
        ("sum_phi_d", "=f8"),
        ("sum_phi_r", "=f8"),
        ("n_distinctions", "=u4"),
        ("exact", "?"),
        ("unreachable", "?"),
        ("_", "V2"),
    ]
)

OF_IIT3 = ("phi", "sum_phi", "ties", "cut_from", "cut_to", "n_concepts", "exact", "unreachable")
OF_SYSTEMS = ("phi", "normalized_phi", "exact", "unreachable")
OF_STRUCTURES = (
    *("phi", "normalized_phi", "big_phi", "sum_phi_d", "sum_phi_r", "n_distinctions"),
    *("exact", "unreachable"),
)

#: 8 GiB of numbers.
MOST_ENTRIES = 1 << 30

#: 8 MiB of numbers.
ENTRIES_AT_A_TIME = 1 << 20

#: Copies and answers that take less are not compared with the memory there is.
SMALL = 1 << 26


def phi_many(
    tpms: Any,
    states: Any,
    cm: Any = None,
    nodes: Optional[Units] = None,
    *,
    formalism: str = "iit3",
    ties: str = "max-phi",
    structure: bool = False,
    row_order: Optional[str] = None,
    force_cm: bool = False,
    project: bool = False,
    **given: Unpack[Options],
) -> NDArray[Any]:
    """Φ (IIT 4.0: φ_s) of many networks of the same size, on all cores.

    ``tpms`` is an array of TPMs in one of the forms of ``Network``, the first axis being that of
    the networks, or a list of ``Network``. ``states`` is a row for each, or one state for all.
    ``cm`` is one matrix for all or one for each; without it, connections are those that the TPMs
    have. ``nodes`` are the units of the system, the same for all.

    The result is a structured array with a row for each network: ``phi``; ``sum_phi``, ``ties``,
    ``cut_from`` and ``cut_to`` (unit k is bit k) and ``n_concepts`` under IIT 3.0; under IIT 4.0
    ``normalized_phi``, and with ``structure`` also ``big_phi``, ``sum_phi_d``, ``sum_phi_r`` and
    ``n_distinctions``; ``exact`` as of ``sia``; ``unreachable`` where the network cannot be in its
    state, and ``phi`` is not a number. A network that makes no sense is an error that names it.
    Networks that ``time_limit`` left no time for are not looked at: they are not ``exact``.

    >>> import numpy as np, pyphi_core as pc
    >>> copies = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> pc.phi_many(np.stack([copies, copies]), (0, 0))["phi"].tolist()
    [1.0, 1.0]
    """
    began = time.monotonic()
    if isinstance(tpms, Network):
        raise ArgumentError("tpms: a Network, expected a list of them or an array")
    if isinstance(tpms, (list, tuple)) and tpms and all(isinstance(it, Network) for it in tpms):
        if len({it.size for it in tpms}) > 1:
            raise refused("tpms: networks of several sizes, expected one size")
        if nodes is not None:
            nodes = tpms[0].indices(nodes)
        if cm is None:
            return _of_networks(tpms, states, nodes, formalism, ties, structure, began, given)
        if any(k > 2 for it in tpms for k in it.alphabet):
            raise refused("cm: with networks of units of more than two values, expected none")
        # Their rows are in the order of this package, whatever they were made of.
        tpms, row_order = np.stack([it.tpm for it in tpms]), None
    found = arguments.checked("tpms", tpms, MOST_ENTRIES)
    if found.ndim < 3:
        raise refused(f"tpms: {found.ndim} dimensions, expected one for the networks and a TPM's")
    shape = found.shape[1:]
    n = _units(shape)
    count = len(found)
    given_states = _states(states, count, n)
    wrong = np.argwhere((given_states != 0) & (given_states != 1))
    if len(wrong):
        at, unit = (int(it) for it in wrong[0])
        value = given_states[at, unit]
        raise refused(f"states: network {at}, unit {unit}: {value}, expected 0 or 1", "StateValue")
    rows, cms, connectivity = None, None, "file"
    if isinstance(cm, str):
        connectivity = cm
    elif cm is not None:
        matrices = arguments.array("cm", cm)
        expected = (count, n, n) if matrices.ndim == 3 else (n, n)
        if matrices.shape != expected:
            raise refused(f"cm: shape {matrices.shape}, expected ({n}, {n}) or ({count}, {n}, {n})")
        if not np.isin(matrices, (0, 1)).all():
            raise refused("cm: entries other than 0 and 1", "CmEntry")
        entries = matrices.astype(np.uint8)
        if entries.ndim == 3:
            cms = entries.tobytes()
        else:
            rows = [row.tobytes() for row in entries]
    units = None if nodes is None else mask(arguments.numbers(nodes, None, n, "nodes"))
    flags = (False, bool(force_cm), bool(project))
    all_states = given_states.astype(np.uint8).tobytes()
    _compare(found.size * 8, count, n, given)
    limit = time_limit(given)
    pieces = _pieces(found, None if limit is None else began + limit)
    many = _engine.Many(
        pieces, count, shape, rows, cms, connectivity, all_states, units, n, row_order, flags
    )
    return _answered(many, n, n, formalism, ties, structure, began, given)


def _of_networks(
    networks: Sequence[Network],
    states: Any,
    nodes: Optional[Units],
    formalism: str,
    ties: str,
    structure: bool,
    began: float,
    given: Any,
) -> NDArray[Any]:
    """Φ of networks that are made already."""
    n, count = networks[0].size, len(networks)
    units = None if nodes is None else mask(arguments.numbers(nodes, None, n, "nodes"))
    found = np.broadcast_to(_states(states, count, n), (count, n))
    most = np.array([it.alphabet for it in networks])
    wrong = np.argwhere(~((found >= 0) & (found < most) & (found == np.floor(found))))
    if len(wrong):
        at, unit = (int(it) for it in wrong[0])
        last = most[at, unit] - 1
        expected = "0 or 1" if last == 1 else f"a value from 0 to {last}"
        message = f"states: network {at}, unit {unit}: {found[at, unit]}, expected {expected}"
        raise refused(message, "StateValue")
    all_states = found.astype(np.uint8).tobytes()
    many = _engine.Many.of([it._native for it in networks], all_states, units, n)
    scale = max(it._scale() for it in networks)
    _compare(0, count, n, given)
    return _answered(many, n, scale, formalism, ties, structure, began, given)


def _states(states: Any, count: int, n: int) -> NDArray[Any]:
    """A row for each network, or one for all."""
    found = arguments.array("states", states)
    rows = found[None] if found.ndim == 1 else found
    if rows.ndim != 2 or rows.shape[1] != n or (len(rows) != count and found.ndim != 1):
        raise refused(f"states: shape {found.shape}, expected ({count}, {n}) or ({n},)")
    return rows


def _compare(copied: int, count: int, n: int, given: Any) -> None:
    """Raises an error if copies of so many bytes, the states and the answers, which are there twice
    for a moment, are more than there is room for."""
    needed = copied + count * (n + 2 * IIT4.itemsize)
    if needed > SMALL:
        check_memory(needed, given)


def _answered(
    many: _engine.Many,
    n: int,
    scale: int,
    formalism: str,
    ties: str,
    structure: bool,
    began: float,
    given: Any,
) -> NDArray[Any]:
    """The rows of the networks."""
    limit = time_limit(given)
    if limit is not None and limit > 0:
        # What came before took some of it.
        given = {**given, "time_limit": max(limit - (time.monotonic() - began), 0.0)}
    if formalism == "iit3":
        if structure:
            raise refused("structure: True, expected False under IIT 3.0")
        answer = many.phi(options(given, n, needs=limited(scale)))
        return _fields(np.frombuffer(answer, dtype=IIT3), OF_IIT3)
    chosen = options(given, n, formalism, ties, needs=limited(scale))
    answer = many.phi_s(chosen, bool(structure))
    names = OF_STRUCTURES if structure else OF_SYSTEMS
    return _fields(np.frombuffer(answer, dtype=IIT4), names)


def _pieces(tpms: NDArray[Any], end: Optional[float]) -> list[bytes]:
    """The numbers of all networks, copied piece by piece: between two of them Ctrl-C is heard, and
    there is an end where no time is left."""
    n_each = max(ENTRIES_AT_A_TIME // max(math.prod(tpms.shape[1:]), 1), 1)
    pieces = []
    for start in range(0, len(tpms), n_each):
        if end is not None and time.monotonic() >= end:
            break
        pieces.append(arguments.converted(tpms[start : start + n_each]).tobytes())
    return pieces


def _units(shape: tuple[int, ...]) -> int:
    """The number of units of a TPM of this shape."""
    if len(shape) > 2:
        return int(shape[-1])
    rows, columns = shape
    n = max(int(rows).bit_length() - 1, 0)
    if rows != 1 << n or columns not in (n, rows):
        expected = "expected 2^n rows of n or of 2^n"
        raise refused(f"tpms: TPMs of shape {shape}, {expected}", "TpmRows")
    return n


def _fields(rows: NDArray[Any], names: Any) -> NDArray[Any]:
    """The fields that are asked for."""
    found: NDArray[Any] = rows[list(names)]
    return found
