"""The questions as functions, as PyPhi's ``compute`` has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional, Union, overload

from . import _engine, iit3, iit4
from ._arguments import ArgumentError, Units, refused, shortened
from ._network import Network
from ._options import FORMALISMS, limited, options
from ._system import Candidate, Subsystem, System

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._options import Options

__all__ = [
    "ces",
    "ces_distance",
    "complexes",
    "conceptual_info",
    "condensed",
    "evaluate_cut",
    "major_complex",
    "phi",
    "phi_structure",
    "sia",
]


def _candidate(
    system: Any, state: Any, nodes: Optional[Units], formalism: Optional[str], ties: str
) -> Candidate:
    """The system that is asked about, by the formalism that is asked for."""
    if formalism is not None and formalism not in FORMALISMS:
        names = ", ".join(FORMALISMS)
        raise refused(f"formalism: {shortened(formalism)!r}, expected one of {names}")
    if isinstance(system, (Subsystem, System)):
        if state is not None or nodes is not None:
            raise ArgumentError("state and nodes are for a Network: this is a system already")
        if isinstance(system, Subsystem) and formalism in (None, "iit3"):
            return system
        if isinstance(system, System) and formalism in (None, system.formalism):
            return system
        network, state, nodes = system.network, system.state, system.node_indices
    else:
        network = system
    if formalism in (None, "iit3"):
        return Subsystem(network, state, nodes)
    assert formalism is not None
    return System(network, state, nodes, formalism=formalism, ties=ties)


def phi(
    system: Union[Candidate, Network],
    state: Any = None,
    nodes: Optional[Units] = None,
    *,
    formalism: Optional[str] = None,
    ties: str = "max-phi",
    **given: Unpack[Options],
) -> float:
    """Φ of a system under IIT 3.0, φ_s under IIT 4.0.

    ``system`` is a ``Subsystem`` or ``System``, or a ``Network`` with a state and, where these are
    not all, its nodes. The same holds for the other functions."""
    return _candidate(system, state, nodes, formalism, ties).phi(**given)


def sia(
    system: Union[Candidate, Network],
    state: Any = None,
    nodes: Optional[Units] = None,
    *,
    formalism: Optional[str] = None,
    ties: str = "max-phi",
    **given: Unpack[Options],
) -> Union[iit3.SystemIrreducibilityAnalysis, iit4.SystemIrreducibilityAnalysis]:
    """The system irreducibility analysis: Φ (IIT 4.0: φ_s) with its partition."""
    return _candidate(system, state, nodes, formalism, ties).sia(**given)


def ces(
    system: Union[Candidate, Network],
    state: Any = None,
    nodes: Optional[Units] = None,
    *,
    formalism: Optional[str] = None,
    ties: str = "max-phi",
    **given: Unpack[Options],
) -> Union[iit3.CauseEffectStructure, iit4.PhiStructure]:
    """The cause-effect structure; under IIT 4.0 the Φ-structure."""
    return _candidate(system, state, nodes, formalism, ties).ces(**given)


def phi_structure(
    system: Union[Candidate, Network],
    state: Any = None,
    nodes: Optional[Units] = None,
    *,
    formalism: Optional[str] = None,
    ties: str = "max-phi",
    **given: Unpack[Options],
) -> iit4.PhiStructure:
    """The Φ-structure of IIT 4.0, by ``iit4-2023`` unless the system or ``formalism`` says
    otherwise."""
    if formalism is None and not isinstance(system, System):
        formalism = "iit4-2023"
    found = _candidate(system, state, nodes, formalism, ties)
    if not isinstance(found, System):
        raise refused("formalism: 'iit3', expected one of IIT 4.0")
    return found.phi_structure(**given)


def evaluate_cut(
    subsystem: Subsystem, cut: Any, **given: Unpack[Options]
) -> iit3.SystemIrreducibilityAnalysis:
    """The effect of one cut (IIT 3.0)."""
    return subsystem.evaluate_cut(cut, **given)


def conceptual_info(subsystem: Subsystem, **given: Unpack[Options]) -> Optional[float]:
    """The distance of a structure from one without concepts (IIT 3.0)."""
    return subsystem.conceptual_info(**given)


def ces_distance(
    first: Subsystem, second: Subsystem, **given: Unpack[Options]
) -> iit3.StructureDistance:
    """The distance of the cause-effect structures of two systems of the same units (IIT 3.0)."""
    for it in (first, second):
        if not isinstance(it, Subsystem):
            raise ArgumentError(f"ces_distance: {type(it).__name__}, expected a Subsystem")
    answer = first._native.distance(second._native, first._options(given))
    return iit3.StructureDistance._of(answer, first.network)


def _network(network: Any, state: Any) -> tuple[Network, bytes]:
    if not isinstance(network, Network):
        raise ArgumentError(f"network: {type(network).__name__}, expected a Network")
    state = network.state if state is None else state
    if state is None:
        raise refused("state: missing, expected a value for each unit")
    return network, network._state(state)


@overload
def complexes(
    network: Network,
    state: Any = None,
    *,
    ranges: bool = False,
    **given: Unpack[Options],
) -> iit3.Complexes: ...
@overload
def complexes(
    network: Network,
    state: Any = None,
    *,
    formalism: str,
    ties: str = "max-phi",
    ranges: bool = False,
    **given: Unpack[Options],
) -> Any: ...
def complexes(
    network: Network,
    state: Any = None,
    *,
    formalism: str = "iit3",
    ties: str = "max-phi",
    ranges: bool = False,
    **given: Unpack[Options],
) -> Any:
    """The complexes of a network, the major complex first. Under IIT 3.0 all subsystems with Φ > 0,
    with ``ranges`` also whether ties could change which is the major one; under IIT 4.0 those that
    exclusion leaves, each with its Φ-structure."""
    found, values = _network(network, state)
    if formalism == "iit3":
        chosen = options(given, found.size, needs=limited(found._scale()))
        answer = _engine.complexes(found._native, values, chosen, ranges)
        return iit3.Complexes._of(answer, found)
    chosen = options(given, found.size, formalism, ties, needs=limited(found._scale()))
    answer = _engine.phi_complexes(found._native, values, chosen)
    return iit4.Complexes._of(answer, found)


def major_complex(
    network: Network,
    state: Any = None,
    *,
    formalism: str = "iit3",
    ties: str = "max-phi",
    **given: Unpack[Options],
) -> Any:
    """The complex with the largest Φ (IIT 4.0: φ_s); None if there is none."""
    return complexes(network, state, formalism=formalism, ties=ties, **given).major


def condensed(
    network: Network,
    state: Any = None,
    *,
    formalism: str = "iit3",
    ties: str = "max-phi",
    **given: Unpack[Options],
) -> Any:
    """The complexes that remain when each excludes the later ones it overlaps with."""
    return complexes(network, state, formalism=formalism, ties=ties, **given).condensed
