"""PyPhi, faster, without changing a script.

>>> import pyphi_core.pyphi as fast  # doctest: +SKIP
>>> fast.enable()  # doctest: +SKIP

From then on the ``compute`` functions of PyPhi 1.2.0 (``phi``, ``sia``, ``ces``, ``complexes``,
``major_complex``, ``condensed``, …), and ``sia`` and ``ces`` under IIT 4.0 in 2.0-dev, run
on this engine and return PyPhi's own objects. What this engine cannot do as PyPhi is set
goes to PyPhi itself, which is said once by a warning. ``with fast.enabled():`` does it for a while.
"""

from __future__ import annotations

import contextlib
import functools
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from importlib import metadata
from typing import Any

import numpy as np

from ._arguments import mask, shaped
from ._engine import InputError, MemoryLimitError
from ._network import Network
from ._system import Subsystem

__all__ = ["FallbackWarning", "disable", "enable", "enabled", "is_enabled"]


class FallbackWarning(UserWarning):
    """Something was left to PyPhi: the message says why."""


class _CannotError(Exception):
    """An analysis that this engine cannot do with the settings of PyPhi."""


#: What was put in PyPhi's place: module or class, name, what was there.
_replaced: list[tuple[Any, str, Any]] = []
_said: set[str] = set()
_lock = threading.RLock()
#: So many blocks of ``enabled`` rest on what the first of them put in place.
_blocks = 0


def enable() -> None:
    """Lets PyPhi run on this engine. A second call changes nothing."""
    with _lock:
        if _replaced:
            return
        try:
            _enable()
        except BaseException:
            disable()
            raise


def _enable() -> None:
    import pyphi

    version = str(getattr(pyphi, "__version__", None) or metadata.version("pyphi"))
    if version.startswith("1.2."):
        from pyphi.compute import subsystem

        _replace(subsystem.sia, _sia)
        _replace(subsystem.ces, _ces)
    elif version.startswith("2."):
        from . import _pyphi2

        for owner, name, replacement in _pyphi2.replacements(_fall_back):
            _put(owner, name, replacement)
    else:
        raise ImportError(f"PyPhi {version}: expected 1.2 or 2.0-dev")


def disable() -> None:
    """Lets PyPhi compute by itself again."""
    with _lock:
        while _replaced:
            owner, name, original = _replaced.pop()
            setattr(owner, name, original)


def is_enabled() -> bool:
    """Return True if PyPhi runs on this engine."""
    return bool(_replaced)


@contextlib.contextmanager
def enabled() -> Iterator[None]:
    """As ``enable`` for a while: afterwards everything is as it was before. Blocks may overlap, as
    those of several threads do: the last one that ends restores PyPhi."""
    global _blocks
    with _lock:
        counts = bool(_blocks) or not is_enabled()
        enable()
        _blocks += counts
    try:
        yield
    finally:
        with _lock:
            _blocks -= counts
            if counts and not _blocks:
                disable()


def _put(owner: Any, name: str, replacement: Any) -> None:
    _replaced.append((owner, name, getattr(owner, name)))
    setattr(owner, name, replacement)


def _replace(original: Callable[..., Any], make: Callable[..., Any]) -> None:
    """Puts ``make`` in the place of a function, under every name that a module of PyPhi has for
    it."""

    @functools.wraps(original)
    def replacement(*arguments: Any, **named: Any) -> Any:
        # Others may have taken it from PyPhi for good.
        if not is_enabled():
            return original(*arguments, **named)
        try:
            return make(original, *arguments, **named)
        except _CannotError as error:
            _fall_back(str(error))
            return original(*arguments, **named)

    for module in list(sys.modules.values()):
        if str(getattr(module, "__name__", "")).split(".")[0] == "pyphi":
            for name, value in list(vars(module).items()):
                if value is original:
                    _put(module, name, replacement)


def _fall_back(why: str) -> None:
    if why not in _said:
        _said.add(why)
        warnings.warn(f"left to PyPhi: {why}", FallbackWarning, stacklevel=4)


# --- PyPhi 1.2.0 ----------------------------------------------------------------------------------


def _settings() -> dict[str, Any]:
    """The options for what PyPhi's configuration asks for."""
    from pyphi import config

    if config.SYSTEM_CUTS != "3.0_STYLE":
        raise _CannotError(f"config.SYSTEM_CUTS = {config.SYSTEM_CUTS}")
    if config.PRECISION != 6:
        raise _CannotError(f"config.PRECISION = {config.PRECISION}")
    measure = str(config.MEASURE)
    names = ("EMD", "L1", "KLD", "ENTROPY_DIFFERENCE", "PSQ2", "MP2Q", "KLM", "BLD")
    if measure not in names:
        raise _CannotError(f"config.MEASURE = {measure}")
    if config.PARTITION_TYPE not in ("BI", "TRI", "ALL"):
        raise _CannotError(f"config.PARTITION_TYPE = {config.PARTITION_TYPE}")
    simple = config.USE_SMALL_PHI_DIFFERENCE_FOR_CES_DISTANCE
    settings = {
        "measure": None if measure == "EMD" else measure,
        "partitions": None if config.PARTITION_TYPE == "BI" else config.PARTITION_TYPE,
        "ces_distance": "SUM_SMALL_PHI" if simple else None,
        "smallest_purview": config.PICK_SMALLEST_PURVIEW or None,
        "no_new_concepts": config.ASSUME_CUTS_CANNOT_CREATE_NEW_CONCEPTS or None,
        "cut_one": config.CUT_ONE_APPROXIMATION or None,
    }
    return {name: it for name, it in settings.items() if it is not None}


def _own(subsystem: Any) -> Subsystem:
    """PyPhi's subsystem as one of this package."""
    import pyphi

    if type(subsystem) is not pyphi.Subsystem:
        raise _CannotError(f"a system of type {type(subsystem).__name__}")
    if not subsystem.cut.is_null:
        raise _CannotError("a system that is cut already")
    network = subsystem.network
    try:
        # It averages over what the connections deny, as PyPhi does.
        own = Network(network.tpm, network.cm, force_cm=True)
        return Subsystem(own, subsystem.state, subsystem.node_indices)
    except InputError as error:
        raise _CannotError(str(error)) from error


def _sia(original: Any, subsystem: Any) -> Any:
    from pyphi import models

    if len(subsystem) < 2:
        # There is nothing to search, and PyPhi has settings for it.
        return original(subsystem)
    settings, own = _settings(), _own(subsystem)
    began = time.time()
    try:
        found = own.sia(**settings)
    except (InputError, MemoryLimitError) as error:
        raise _CannotError(str(error)) from error
    record = found.to_dict()
    if record["cut"] is None:
        # Without a search: not strongly connected, or without a concept.
        return original(subsystem)
    source, target = tuple(record["cut"]["severed_from"]), tuple(record["cut"]["severed_to"])
    cut = models.Cut(source, target, subsystem.cut_node_labels)
    cut_subsystem = subsystem.apply_cut(cut)
    sides = (mask(source), mask(target))
    # Where the cut makes no difference, the structures are the same.
    is_zero = record["phi"] == 0
    partitioned = record["ces"] if is_zero else record["partitioned_ces"]
    both = [(record["ces"], None, subsystem), (partitioned, sides, cut_subsystem)]
    whole, other = _structures(own, both)
    sia = models.SystemIrreducibilityAnalysis(
        phi=_rounded(record["phi"]),
        ces=whole,
        partitioned_ces=other,
        subsystem=subsystem,
        cut_subsystem=cut_subsystem,
    )
    sia.time = round(time.time() - began, 6)
    whole.time = other.time = sia.time
    return sia


def _ces(
    original: Any,
    subsystem: Any,
    mechanisms: Any = False,
    purviews: Any = False,
    cause_purviews: Any = False,
    effect_purviews: Any = False,
    parallel: bool = False,
) -> Any:
    restrictions = (mechanisms, purviews, cause_purviews, effect_purviews)
    if len(subsystem) == 0 or not all(it is False for it in restrictions):
        return original(subsystem, *restrictions, parallel=parallel)
    settings, own = _settings(), _own(subsystem)
    began = time.time()
    try:
        data = own.ces(**settings).to_dict()
    except InputError as error:
        raise _CannotError(str(error)) from error
    (structure,) = _structures(own, [(data, None, subsystem)])
    structure.time = round(time.time() - began, 6)
    return structure


def _rounded(value: float) -> float:
    from pyphi import config

    return round(value, int(config.PRECISION))


def _structures(own: Subsystem, structures: Any) -> list[Any]:
    """PyPhi's objects of some structures, each with the cut under which it is, and the system."""
    from pyphi import Direction, models
    from pyphi.models import cuts, mechanism

    sides = {"cause": Direction.CAUSE, "effect": Direction.EFFECT}
    asked = [
        (cut, side, [(mask(it["mechanism"]), mask(it["purview"])) for it in concept[side]["mip"]])
        for concepts, cut, _ in structures
        for concept in concepts
        for side in sides
    ]
    answers = iter(own._native.partitioned(asked))
    alphabet = own.network.alphabet

    def core(side: str, units: tuple[int, ...], record: Any, labels: Any) -> Any:
        purview = tuple(record["purview"])
        parts = [cuts.Part(tuple(it["mechanism"]), tuple(it["purview"])) for it in record["mip"]]
        kind = {2: cuts.Bipartition, 3: cuts.Tripartition}.get(len(parts), cuts.KPartition)
        flat = np.frombuffer(next(answers), dtype=np.float64)
        ria = models.RepertoireIrreducibilityAnalysis(
            phi=_rounded(record["phi"]),
            direction=sides[side],
            mechanism=units,
            purview=purview,
            partition=kind(*parts, node_labels=labels),
            repertoire=shaped(record["repertoire"], purview, alphabet),
            partitioned_repertoire=shaped(flat, purview, alphabet),
            node_labels=labels,
        )
        make = mechanism.MaximallyIrreducibleCause
        return (make if side == "cause" else mechanism.MaximallyIrreducibleEffect)(ria)

    made = []
    for concepts, _, subsystem in structures:
        labels = subsystem.node_labels
        these = []
        for concept in concepts:
            units = tuple(concept["mechanism"])
            # The order is that in which the partitioned repertoires were asked for.
            cause = core("cause", units, concept["cause"], labels)
            effect = core("effect", units, concept["effect"], labels)
            these.append(
                models.Concept(mechanism=units, cause=cause, effect=effect, subsystem=subsystem)
            )
        made.append(models.CauseEffectStructure(these, subsystem=subsystem))
    return made
