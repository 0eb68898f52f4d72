"""The keyword arguments that say how an analysis is run."""

from __future__ import annotations

import dataclasses
import json
import os
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Optional, TypedDict, Union

from . import _engine, _memory
from ._arguments import ArgumentError, listed, refused, shortened

__all__ = ["Options", "Progress"]


@dataclasses.dataclass(frozen=True)
class Progress:
    """The progress of an analysis, as it is told to ``progress``."""

    #: What is being done: ``mechanisms``, ``cuts``, ``partitions``, ``systems`` or ``numberings``.
    phase: str
    #: Steps of the phase that are done.
    done: int
    #: Steps of the phase in all.
    total: int
    #: The smallest value of a cut so far: an upper bound on Φ.
    best: Optional[float]
    #: Seconds since the analysis began.
    elapsed: float


class Options(TypedDict, total=False):
    """The options of an analysis. But for ``tie_order`` and the settings of IIT 3.0 (``measure``
    and those after it), none of these changes a result that is complete."""

    #: Threads; by default ``RAYON_NUM_THREADS``, or as many as there are processors.
    threads: Optional[int]
    #: Seconds. A result that was stopped by it says so in ``exact`` and ``stop_reason``.
    time_limit: Optional[float]
    #: Bytes that tables may take; by default what the system has left. An analysis that needs more
    #: raises ``MemoryLimitError`` before it begins.
    memory_limit: Optional[int]
    #: Called with a ``Progress`` now and then; with ``True`` a bar of tqdm, if that is installed.
    progress: Union[bool, Callable[[Progress], Any], None]
    #: Search every core cause and core effect of every cut, so that ``purview_ties`` is known.
    count_ties: bool
    #: Evaluate everything instead of what bounds leave open: for checking.
    exhaustive: bool
    #: Other numbers for the units, or the seed of an order: which of tied purviews is chosen.
    tie_order: Union[Sequence[int], int, None]
    #: How far two repertoires are apart (PyPhi: ``MEASURE``): ``EMD``, ``L1``, ``KLD``,
    #: ``ENTROPY_DIFFERENCE``, ``PSQ2``, ``MP2Q``, ``KLM`` or ``AID``.
    measure: str
    #: Partitions of a mechanism (PyPhi: ``PARTITION_TYPE``): ``BI``, ``TRI`` or ``ALL``.
    partitions: str
    #: How far two structures are apart: ``EMD`` or ``SUM_SMALL_PHI``.
    ces_distance: str
    #: Of tied purviews the smallest instead of the largest (PyPhi: ``PICK_SMALLEST_PURVIEW``).
    smallest_purview: bool
    #: An approximation (PyPhi: ``ASSUME_CUTS_CANNOT_CREATE_NEW_CONCEPTS``).
    no_new_concepts: bool
    #: An approximation (PyPhi: ``CUT_ONE_APPROXIMATION``).
    cut_one: bool
    #: An approximation: no larger mechanism and purview is looked at.
    largest_order: int


VARIANT = {
    "measure": "MEASURE",
    "partitions": "PARTITION_TYPE",
    "ces_distance": "CES_DISTANCE",
    "smallest_purview": "PICK_SMALLEST_PURVIEW",
    "no_new_concepts": "ASSUME_CUTS_CANNOT_CREATE_NEW_CONCEPTS",
    "cut_one": "CUT_ONE_APPROXIMATION",
    "largest_order": "LARGEST_ORDER",
}

FORMALISMS = ("iit3", "iit4-2023", "iit4-2026", "iit4-2026-paper")

#: From so many units on, what is left of the memory is looked at.
LARGE = 8

#: What was asked for with no more than a number of threads.
_PLAIN: dict[tuple[str, str, Optional[int]], _engine.Options] = {}


def options(
    given: Any,
    n_units: int,
    formalism: str = "iit3",
    ties: str = "max-phi",
    needs: Optional[Callable[[int], int]] = None,
    spectrum: Optional[tuple[str, str]] = None,
    numberings: int = 0,
) -> _engine.Options:
    """The options of the engine, for a network of so many units. ``needs`` says what an analysis on
    so many threads needs."""
    asked = given.get("threads")
    is_plain = needs is None and spectrum is None and (asked is None or type(asked) is int)
    is_plain = is_plain and len(given) == (asked is not None)
    if is_plain and (formalism, ties, asked) in _PLAIN:
        return _PLAIN[formalism, ties, asked]
    given = {name: it for name, it in given.items() if it is not None}
    unknown = sorted(set(given) - set(Options.__annotations__))
    if unknown:
        raise ArgumentError(f"unexpected keyword argument {unknown[0]!r}")
    threads = _whole("threads", given.get("threads", 0), 4096)
    memory = given.get("memory_limit")
    if memory is not None:
        memory = min(_whole("memory_limit", memory), (1 << 64) - 1)
    elif needs is not None:
        memory = _memory.left()
    if memory is not None and needs is not None:
        # On fewer threads, where there is memory for no more.
        most = threads or _processors()
        fitting = (it for it in range(most, 0, -1) if needs(it) <= memory)
        threads = threads if needs(most) <= memory else next(fitting, 1)
    order = given.get("tie_order")
    seed = None if order is None or not isinstance(order, int) else order
    numbers = None
    if order is not None and seed is None:
        expected = f"{n_units} numbers, one for each unit, or the seed of an order"
        numbers = listed("tie_order", order, n_units, expected)
        if len(numbers) < n_units:
            raise refused(f"tie_order: {len(numbers)} numbers, expected {expected}")
    time = time_limit(given)
    settings = {VARIANT[name]: given[name] for name in VARIANT if name in given}
    try:
        made = _engine.Options(
            formalism=formalism,
            ties=ties,
            threads=threads,
            time=time,
            memory=memory,
            count_ties=bool(given.get("count_ties", False)),
            exhaustive=bool(given.get("exhaustive", False)),
            variant=json.dumps(_named(settings)) if settings else None,
            tie_order=numbers,
            tie_seed=seed,
            spectrum=spectrum,
            numberings=numberings,
            progress=_observer(given.get("progress")),
        )
    except (TypeError, OverflowError) as error:
        raise ArgumentError(shortened(error)) from error
    if is_plain:
        _PLAIN[formalism, ties, asked] = made
    return made


def time_limit(given: Any) -> Optional[float]:
    """The limit on time in seconds, if there is one."""
    time = given.get("time_limit")
    if time is not None and not isinstance(time, (int, float)):
        raise ArgumentError(f"time_limit: {shortened(time)}, expected a number of seconds")
    return time


def limited(n_units: int) -> Optional[Callable[[int], int]]:
    """For ``needs``, where the engine itself compares what it needs with what is left: of large
    networks."""
    return (lambda threads: 0) if n_units >= LARGE else None


def check_memory(needed: int, given: Any) -> None:
    """For what the engine does not compare itself."""
    most = given.get("memory_limit")
    most = _memory.left() if most is None else _whole("memory_limit", most)
    if most is not None and needed > most:
        raise _engine.MemoryLimitError(
            f"memory: it would need {needed} bytes, more than memory_limit or than is left ({most})"
        )


def _named(settings: dict[str, Any]) -> dict[str, Any]:
    names = ("MEASURE", "PARTITION_TYPE", "CES_DISTANCE")
    upper = {it: str(settings[it]).upper().replace("-", "_") for it in names if it in settings}
    if upper.get("MEASURE") == "BLD":
        upper["MEASURE"] = "KLM"
    return {**settings, **upper}


def _whole(name: str, value: Any, most: Optional[int] = None) -> int:
    try:
        found = int(value.__index__())
    except (AttributeError, TypeError):
        raise ArgumentError(f"{name}: {shortened(value)}, expected a whole number") from None
    if found < 0 or (most is not None and found > most):
        expected = "0 or more" if most is None else f"0 to {most}"
        raise refused(f"{name}: {shortened(found)}, expected {expected}")
    return found


def _processors() -> int:
    asked = os.environ.get("RAYON_NUM_THREADS", "")
    if asked.isdigit() and int(asked) > 0:
        return int(asked)
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def _observer(progress: Any) -> Optional[Callable[[str, int, int, Optional[float], float], Any]]:
    if progress is None or progress is False:
        return None
    if progress is True:
        return _bar()
    if not callable(progress):
        raise ArgumentError(f"progress: {shortened(progress)}, expected a function, or True")
    return lambda *told: progress(Progress(*told))


def _bar() -> Optional[Callable[[str, int, int, Optional[float], float], Any]]:
    try:
        from tqdm.auto import tqdm
    except ImportError:
        warnings.warn("progress=True needs tqdm, which is not installed", stacklevel=5)
        return None
    bars: dict[str, Any] = {}

    def tell(phase: str, done: int, total: int, best: Optional[float], elapsed: float) -> None:
        for other in [it for it in bars if it != phase]:
            bars.pop(other).close()
        if phase not in bars:
            bars[phase] = tqdm(total=total, desc=phase, leave=False)
        bars[phase].update(done - bars[phase].n)
        if done >= total:
            bars.pop(phase).close()

    return tell
