"""PyPhi 2.0-dev on this engine: see ``pyphi_core.pyphi``.

The minimum information partition of a system is found here. PyPhi evaluates that one partition
instead of all, so that the result is its own, with everything that it has.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ._engine import InputError, MemoryLimitError
from ._network import Network
from ._system import System
from .pyphi import _CannotError

#: The settings of ``config.formalism.iit`` by which this engine computes.
_SETTINGS = {
    "specification_measure": "GENERALIZED_INTRINSIC_DIFFERENCE",
    "system_partition_scheme": "DIRECTED_SET_PARTITION",
    "system_partition_include_complete": False,
    "shortcircuit_sia": True,
    "state_tie_resolution": "PHI",
    "mip_tie_resolution": ["NORMALIZED_PHI", "NEGATIVE_PHI"],
    "sia_tie_resolution": ["NORMALIZED_PHI", "NEGATIVE_PHI", "PARTITION_LEX"],
}
_FORMALISMS = {
    ("IIT_4_0_2023", "GENERALIZED_INTRINSIC_DIFFERENCE"): "iit4-2023",
    ("IIT_4_0_2026", "INTRINSIC_INFORMATION"): "iit4-2026",
}


def _formalism() -> str:
    from pyphi import config

    iit = config.formalism.iit
    for name, expected in _SETTINGS.items():
        value = getattr(iit, name)
        if (list(value) if isinstance(expected, list) else value) != expected:
            raise _CannotError(f"config.formalism.iit.{name} = {value}")
    try:
        return _FORMALISMS[iit.version, iit.system_phi_measure]
    except KeyError:
        raise _CannotError(f"{iit.version} by {iit.system_phi_measure}") from None


def _own(system: Any, formalism: str) -> System:
    import pyphi.system

    if type(system) is not pyphi.system.System:
        raise _CannotError(f"a system of type {type(system).__name__}")
    if not system.partition.is_null:
        raise _CannotError("a system that is partitioned already")
    substrate = system.substrate
    outside = set(substrate.node_indices) - set(system.node_indices)
    if set(system.external_indices) != outside:
        raise _CannotError("external indices that are not the background")
    try:
        network = _network(substrate)
        state = tuple(int(it) for it in system.state)
        return System(network, state, system.node_indices, formalism=formalism, ties="pyphi")
    except InputError as error:
        raise _CannotError(str(error)) from error


def _network(substrate: Any) -> Network:
    sizes = tuple(int(it) for it in substrate.factored_tpm.alphabet_sizes)
    if set(sizes) != {2}:
        factors = (np.asarray(it) for it in substrate.factored_tpm.factors)
        tables = [np.broadcast_to(it, (*sizes, k)) for it, k in zip(factors, sizes)]
        return Network(tables, np.asarray(substrate.cm), alphabet=sizes, force_cm=True)
    # The last axis is P(unit j has this value next).
    tpm = np.asarray(
        substrate.joint_tpm() if callable(substrate.joint_tpm) else substrate.joint_tpm
    )
    return Network(tpm[..., 1], np.asarray(substrate.cm), force_cm=True)


def _partition(system: Any) -> Any:
    """The minimum information partition as one of PyPhi's; None where none is searched for."""
    from pyphi.models.partitions import DirectedSetPartition

    units = tuple(system.node_indices)
    if len(units) < 2:
        return None
    try:
        found = _own(system, _formalism()).sia()
    except (InputError, MemoryLimitError) as error:
        raise _CannotError(str(error)) from error
    if found.reasons or found.partition.kind != "directed_set":
        return None
    # Of states that tie PyPhi takes the one with the largest φ_s, each at its own partition: at
    # this one another may have more.
    sides = (found.cause, found.effect)
    if found.mip_ties > 1 or any(it is None or len(it.ties) > 1 for it in sides):
        raise _CannotError("partitions or states that tie, among which PyPhi has an order")
    if found.phi == 0:
        raise _CannotError("a reducible system, of whose partitions PyPhi takes another")
    place = {unit: at for at, unit in enumerate(units)}
    matrix = np.zeros((len(units), len(units)), dtype=int)
    for u, v in found.partition.cut_edges:
        matrix[place[u], place[v]] = 1
    parts = [[place[it] for it in part] for part in found.partition.parts]
    return DirectedSetPartition(units, matrix, parts, system.node_labels)


def replacements(fall_back: Callable[[str], None]) -> list[tuple[Any, str, Any]]:
    """The functions that are put in the place of PyPhi's methods."""
    import pyphi.system

    owner = pyphi.system.System
    original_sia, original_ces = owner.sia, owner.ces

    @functools.wraps(original_sia)
    def sia(self: Any, **named: Any) -> Any:
        if named:
            return original_sia(self, **named)
        try:
            partition = _partition(self)
        except _CannotError as error:
            fall_back(str(error))
            partition = None
        if partition is None:
            return original_sia(self)
        return original_sia(self, partitions=[partition])

    @functools.wraps(original_ces)
    def ces(self: Any, **named: Any) -> Any:
        from pyphi import config

        if config.formalism.iit.version == "IIT_3_0" or "sia" in named or "sia_kwargs" in named:
            return original_ces(self, **named)
        return original_ces(self, sia=sia(self), **named)

    return [(owner, "sia", sia), (owner, "ces", ces)]
