"""Candidate systems, and what can be asked about them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Optional, Union

import numpy as np

from . import _arguments as arguments
from . import _engine, iit3, iit4
from ._arguments import (
    ArgumentError,
    Floats,
    Frozen,
    Units,
    mask,
    refused,
    shaped,
    shortened,
    visible,
)
from ._network import Network
from ._options import FORMALISMS, LARGE, check_memory, options

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._options import Options

__all__ = ["Direction", "Subsystem", "System"]


class Direction:
    """The two directions. A string serves as well, and so does PyPhi's own ``Direction``."""

    CAUSE = "cause"
    EFFECT = "effect"


def direction_of(direction: Any) -> str:
    """``cause`` or ``effect``."""
    found = str(getattr(direction, "name", direction)).lower()
    if found not in ("cause", "effect"):
        raise refused(f"direction: {shortened(direction)!r}, expected 'cause' or 'effect'")
    return found


class _Candidate(Frozen):
    """Some units of a network in a state; the others are the background."""

    __slots__ = ("_network", "_state", "_nodes", "_native")
    _network: Network
    _state: bytes
    _nodes: tuple[int, ...]
    _what = "a system"

    def _place(self, network: Any, state: Any, nodes: Optional[Units]) -> int:
        if not isinstance(network, Network):
            shown = type(network).__name__
            raise ArgumentError(f"network: {shown}, expected a Network")
        if state is None:
            state = network.state
            if state is None:
                raise refused("state: missing, expected a value for each unit")
        if nodes is None:
            nodes = network.nodes
        known = network.node_indices if nodes is None else network.indices(nodes)
        object.__setattr__(self, "_network", network)
        object.__setattr__(self, "_state", network._state(state))
        object.__setattr__(self, "_nodes", known)
        return mask(known)

    @property
    def network(self) -> Network:
        """The network."""
        return self._network

    @property
    def state(self) -> tuple[int, ...]:
        """The state of the whole network."""
        return tuple(self._state)

    @property
    def proper_state(self) -> tuple[int, ...]:
        """The state of the units of the system."""
        return tuple(self._state[it] for it in self._nodes)

    @property
    def node_indices(self) -> tuple[int, ...]:
        """The units of the system."""
        return self._nodes

    nodes = node_indices

    @property
    def node_labels(self) -> tuple[str, ...]:
        """The names of the units."""
        return self._network.labels(self._nodes)

    @property
    def external_indices(self) -> tuple[int, ...]:
        """The units of the background."""
        return tuple(it for it in self._network.node_indices if it not in self._nodes)

    @property
    def size(self) -> int:
        """The number of units."""
        return len(self._nodes)

    def __len__(self) -> int:
        return self.size

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        assert isinstance(other, _Candidate)
        same = (self._nodes, self._state) == (other._nodes, other._state)
        return same and self._network == other._network

    def __hash__(self) -> int:
        return hash((self._nodes, self._state, self._network))

    def __repr__(self) -> str:
        units = ",".join(self.node_labels)
        state = ",".join(map(str, self._state))
        return f"{type(self).__name__}({{{visible(units)}}} in ({state}))"

    def _repr_html_(self) -> str:
        from ._pictures import inline

        return inline(self.to_svg())

    def to_svg(self) -> str:
        """The network in its state as a drawing."""
        from ._pictures import graph

        return graph(self._network, self.state, self._nodes)

    def _is_large(self) -> bool:
        """True if it is worth looking at the memory that is left."""
        return self._network._scale(self._nodes) >= LARGE

    def _units(self, field: str, units: Any) -> tuple[int, ...]:
        found = arguments.numbers(units, self._network.node_labels, self._network.size, field)
        for it in found:
            if it not in self._nodes:
                shown = "{" + ",".join(map(str, self._nodes)) + "}"
                message = f"{field}: unit {it}, expected units of the system {shown}"
                raise refused(message, "NoSuchUnit")
        return found


class Subsystem(_Candidate):
    """A candidate system of IIT 3.0: some units of a network in its state; the others are the
    background. ``state`` and ``nodes`` are those of the network's file where they are left out,
    ``nodes`` otherwise all.

    >>> import pyphi_core as pc
    >>> network = pc.examples.basic_network()
    >>> subsystem = pc.Subsystem(network, (1, 0, 0))
    >>> round(subsystem.sia().phi, 6)
    1.916667
    """

    __slots__ = ()
    _native: _engine.Subsystem

    def __init__(self, network: Network, state: Any = None, nodes: Optional[Units] = None) -> None:
        units = self._place(network, state, nodes)
        object.__setattr__(self, "_native", _engine.Subsystem(network._native, self._state, units))

    def __reduce__(self) -> Any:
        return (Subsystem, (self._network, self.state, self._nodes))

    def _options(self, given: Any, keeps_choices: bool = False, **more: Any) -> _engine.Options:
        needs = None
        if self._is_large():

            def needs(threads: int) -> int:
                return self._native.memory_needed(threads, keeps_choices)

        return options(given, self._network.size, needs=needs, **more)

    def _of_mechanism(self, given: Any) -> _engine.Options:
        """As ``_options``, for what is done on one thread."""
        if self._is_large():
            check_memory(self._native.memory_needed(1, False), given)
        return options(given, self._network.size)

    # --- The system -------------------------------------------------------------------------------

    def phi(self, **given: Unpack[Options]) -> float:
        """Φ."""
        return self._native.sia(self._options(given)).phi

    def sia(self, **given: Unpack[Options]) -> iit3.SystemIrreducibilityAnalysis:
        """Φ with its partition and both cause-effect structures."""
        answer = self._native.sia(self._options(given))
        return iit3.SystemIrreducibilityAnalysis._of(answer, self._network)

    def spectrum(
        self,
        rule: str = "all",
        cut_choices: str = "inherited",
        numberings: int = 1000,
        **given: Unpack[Options],
    ) -> iit3.SystemIrreducibilityAnalysis:
        """As ``sia``, with all Φ that ties allow in ``spectrum``. ``rule`` says which of tied
        purviews count: ``all``, ``largest``, ``smallest`` or ``unresolved-dropped``;
        ``cut_choices`` what cuts leave to choose: ``inherited`` or ``independent``. Where the range
        is not proven, Φ over so many random ``numberings`` is in ``range``."""
        chosen = self._options(given, True, spectrum=(rule, cut_choices), numberings=numberings)
        answer = self._native.sia(chosen)
        return iit3.SystemIrreducibilityAnalysis._of(answer, self._network)

    def ces(self, **given: Unpack[Options]) -> iit3.CauseEffectStructure:
        """The concepts of the intact system."""
        answer = self._native.structure(self._options(given))
        return iit3.CauseEffectStructure(json.loads(answer.json())["ces"], self._network)

    def conceptual_info(self, **given: Unpack[Options]) -> Optional[float]:
        """The distance of the structure from one without concepts. None where the measure does not
        compare structures."""
        answer = self._native.structure(self._options(given))
        found: Optional[float] = json.loads(answer.json())["conceptual_information"]
        return found

    def evaluate_cut(
        self, cut: Union[iit3.Cut, Any], **given: Unpack[Options]
    ) -> iit3.SystemIrreducibilityAnalysis:
        """The effect of one cut, whether another takes less or not."""
        sides = self._cut(cut)
        if sides is None:
            raise ArgumentError("cut: None, expected a Cut")
        answer = self._native.under_cut(sides, self._options(given))
        return iit3.SystemIrreducibilityAnalysis._of(answer, self._network)

    def _cut(self, cut: Any) -> Optional[tuple[int, int]]:
        if cut is None:
            return None
        try:
            source, target = cut.from_nodes, cut.to_nodes
        except AttributeError:
            try:
                source, target = cut
            except (TypeError, ValueError):
                message = f"cut: {shortened(cut)}, expected a Cut or its two sides"
                raise ArgumentError(message) from None
        known = self._network.node_labels, self._network.size
        return (
            mask(arguments.numbers(source, *known, "cut")),
            mask(arguments.numbers(target, *known, "cut")),
        )

    # --- A mechanism ------------------------------------------------------------------------------

    def cause_repertoire(self, mechanism: Units, purview: Units) -> Floats:
        """The distribution over past states of a purview, given a mechanism, with an axis for each
        unit of the network: of length 2 for those of the purview, of length 1 for the others."""
        return self.repertoire("cause", mechanism, purview)

    def effect_repertoire(self, mechanism: Units, purview: Units) -> Floats:
        """The distribution over future states of a purview, given a mechanism, shaped as
        ``cause_repertoire``."""
        return self.repertoire("effect", mechanism, purview)

    def unconstrained_cause_repertoire(self, purview: Units) -> Floats:
        """The cause repertoire of the empty mechanism."""
        return self.repertoire("cause", (), purview)

    def unconstrained_effect_repertoire(self, purview: Units) -> Floats:
        """The effect repertoire of the empty mechanism."""
        return self.repertoire("effect", (), purview)

    def repertoire(self, direction: Any, mechanism: Units, purview: Units) -> Floats:
        """The repertoire of either direction."""
        side = direction_of(direction)
        mechanism, purview = self._units("mechanism", mechanism), self._units("purview", purview)
        flat = self._native.repertoire(side, mask(mechanism), mask(purview))
        return shaped(np.frombuffer(flat, dtype=np.float64), purview, self._network.alphabet)

    def find_mip(
        self,
        direction: Any,
        mechanism: Units,
        purview: Units,
        cut: Any = None,
        **given: Unpack[Options],
    ) -> iit3.RepertoireIrreducibilityAnalysis:
        """φ of a mechanism over one purview, with all partitions that attain it; under a cut of
        the system if there is one."""
        side = direction_of(direction)
        units, over = self._units("mechanism", mechanism), self._units("purview", purview)
        answer = self._native.mechanism(
            mask(units), mask(over), [side], self._cut(cut), self._of_mechanism(given)
        )
        record = json.loads(answer.json())[side][0]
        return iit3.RepertoireIrreducibilityAnalysis._over(side, units, record, self._network)

    def cause_mip(
        self, mechanism: Units, purview: Units, **given: Unpack[Options]
    ) -> iit3.RepertoireIrreducibilityAnalysis:
        """As ``find_mip`` of a cause."""
        return self.find_mip("cause", mechanism, purview, **given)

    def effect_mip(
        self, mechanism: Units, purview: Units, **given: Unpack[Options]
    ) -> iit3.RepertoireIrreducibilityAnalysis:
        """As ``find_mip`` of an effect."""
        return self.find_mip("effect", mechanism, purview, **given)

    def phi_cause_mip(self, mechanism: Units, purview: Units, **given: Unpack[Options]) -> float:
        """φ of a mechanism over one purview in the past."""
        return self.cause_mip(mechanism, purview, **given).phi

    def phi_effect_mip(self, mechanism: Units, purview: Units, **given: Unpack[Options]) -> float:
        """φ of a mechanism over one purview in the future."""
        return self.effect_mip(mechanism, purview, **given).phi

    def mechanism(
        self, mechanism: Units, cut: Any = None, **given: Unpack[Options]
    ) -> iit3.MechanismAnalysis:
        """A mechanism over all its purviews with φ > 0."""
        units = mask(self._units("mechanism", mechanism))
        sides = ["cause", "effect"]
        answer = self._native.mechanism(
            units, None, sides, self._cut(cut), self._of_mechanism(given)
        )
        return iit3.MechanismAnalysis._of(answer, self._network)

    def concept(self, mechanism: Units, **given: Unpack[Options]) -> Optional[iit3.Concept]:
        """The concept of a mechanism; None if it has no irreducible cause or no irreducible
        effect. By IIT 3.0 as published."""
        units = mask(self._units("mechanism", mechanism))
        found = self._native.concept(units, self._of_mechanism(given))
        return None if found is None else iit3.Concept(json.loads(found), self._network)

    def find_mice(
        self, direction: Any, mechanism: Units, **given: Unpack[Options]
    ) -> Optional[iit3.RepertoireIrreducibilityAnalysis]:
        """The core cause or core effect of a mechanism, as its analysis over that purview; None if
        no purview has φ > 0. Of those that tie, the largest, then the first."""
        side = direction_of(direction)
        units = self._units("mechanism", mechanism)
        answer = self._native.mechanism(mask(units), None, [side], None, self._of_mechanism(given))
        found = json.loads(answer.json())[side]
        if not found:
            return None
        best = found[0]["phi"]
        tied = [it for it in found if it["phi"] >= best - 1e-6]
        smallest = bool(given.get("smallest_purview", False))
        sizes = [len(it["purview"]) for it in tied]
        size = min(sizes) if smallest else max(sizes)
        chosen = min(
            (it for it in tied if len(it["purview"]) == size), key=lambda it: it["purview"]
        )
        return iit3.RepertoireIrreducibilityAnalysis._over(side, units, chosen, self._network)

    def mic(
        self, mechanism: Units, **given: Unpack[Options]
    ) -> Optional[iit3.RepertoireIrreducibilityAnalysis]:
        """The core cause: see ``find_mice``."""
        return self.find_mice("cause", mechanism, **given)

    def mie(
        self, mechanism: Units, **given: Unpack[Options]
    ) -> Optional[iit3.RepertoireIrreducibilityAnalysis]:
        """The core effect: see ``find_mice``."""
        return self.find_mice("effect", mechanism, **given)

    def phi_max(self, mechanism: Units, **given: Unpack[Options]) -> float:
        """φ of the concept of a mechanism, 0 if it has none."""
        found = self.concept(mechanism, **given)
        return 0.0 if found is None else found.phi


class System(_Candidate):
    """A candidate system of IIT 4.0. ``formalism`` is ``iit4-2023``, ``iit4-2026`` (whose cap is
    that of PyPhi 2.0-dev) or ``iit4-2026-paper``; ``ties`` is ``max-phi``, the rule of the theory,
    ``principled`` or ``pyphi``.

    >>> import pyphi_core as pc
    >>> network = pc.examples.fig1_albantakis2023()
    >>> structure = pc.System(network, (0, 1, 1), nodes=("A", "B")).phi_structure()
    >>> round(structure.phi_s, 6), round(structure.big_phi, 6)
    (0.171863, 1.562686)
    """

    __slots__ = ("_formalism", "_ties")
    _native: _engine.System
    _formalism: str
    _ties: str

    def __init__(
        self,
        network: Network,
        state: Any = None,
        nodes: Optional[Units] = None,
        *,
        formalism: str = "iit4-2023",
        ties: str = "max-phi",
    ) -> None:
        if formalism not in FORMALISMS[1:]:
            names = ", ".join(FORMALISMS[1:])
            raise refused(f"formalism: {shortened(formalism)!r}, expected one of {names}")
        if ties not in ("principled", "pyphi", "max-phi"):
            raise refused(f"ties: {shortened(ties)!r}, expected principled, pyphi or max-phi")
        units = self._place(network, state, nodes)
        object.__setattr__(self, "_formalism", formalism)
        object.__setattr__(self, "_ties", ties)
        object.__setattr__(self, "_native", _engine.System(network._native, self._state, units))

    def __eq__(self, other: object) -> bool:
        same = super().__eq__(other)
        if same is not True or not isinstance(other, System):
            return same
        return (self._formalism, self._ties) == (other._formalism, other._ties)

    def __hash__(self) -> int:
        return hash((self._formalism, self._ties, super().__hash__()))

    def __reduce__(self) -> Any:
        arguments = self._network, self.state, self._nodes, self._formalism, self._ties
        return (_system, arguments)

    @property
    def formalism(self) -> str:
        """The formulation."""
        return self._formalism

    @property
    def ties(self) -> str:
        """The policy for ties between purviews."""
        return self._ties

    def _options(self, given: Any, of_structure: bool = False, **more: Any) -> _engine.Options:
        needs = None
        if self._is_large():

            def needs(threads: int) -> int:
                return self._native.memory_needed(threads, of_structure)

        size = self._network.size
        return options(given, size, self._formalism, self._ties, needs=needs, **more)

    def _of_mechanism(self, given: Any) -> _engine.Options:
        """As ``_options``, for what is done on one thread."""
        if self._is_large():
            check_memory(self._native.memory_needed(1, True), given)
        return options(given, self._network.size, self._formalism, self._ties)

    def phi(self, **given: Unpack[Options]) -> float:
        """φ_s, in bits."""
        return self._native.sia(self._options(given)).phi

    def sia(self, **given: Unpack[Options]) -> iit4.SystemIrreducibilityAnalysis:
        """φ_s with its partition and the specified states."""
        answer = self._native.sia(self._options(given))
        return iit4.SystemIrreducibilityAnalysis._of(answer, self._network)

    def phi_structure(self, **given: Unpack[Options]) -> iit4.PhiStructure:
        """The Φ-structure: distinctions, relations (found as they are asked for) and Φ."""
        answer = self._native.structure(self._options(given, True))
        return iit4.PhiStructure._of(answer, self._network)

    ces = phi_structure

    def big_phi(self, **given: Unpack[Options]) -> float:
        """Φ of the Φ-structure, in bits."""
        return self._native.structure(self._options(given, True)).phi

    def spectrum(self, **given: Unpack[Options]) -> iit4.PhiStructure:
        """As ``phi_structure``, with the smallest and the largest Φ that ties allow."""
        chosen = self._options(given, True, spectrum=("all", "inherited"))
        return iit4.PhiStructure._of(self._native.structure(chosen), self._network)

    def evaluate_partition(
        self, partition: iit4.SystemPartition, **given: Unpack[Options]
    ) -> iit4.SystemIrreducibilityAnalysis:
        """The effect of one partition, whether another takes less or not."""
        try:
            parts = list(zip(partition.parts, partition.directions))
        except AttributeError:
            message = f"partition: {shortened(partition)}, expected a SystemPartition"
            raise ArgumentError(message) from None
        masks = [(mask(self._units("partition", units)), cut) for units, cut in parts]
        answer = self._native.under_partition(masks, self._options(given))
        return iit4.SystemIrreducibilityAnalysis._of(answer, self._network)

    def distinction(self, mechanism: Units, **given: Unpack[Options]) -> Optional[iit4.Distinction]:
        """The distinction of a mechanism, congruent or not; None if φ_d is 0."""
        units = mask(self._units("mechanism", mechanism))
        found = self._native.distinction(units, self._of_mechanism(given))
        return None if found is None else iit4.Distinction(json.loads(found), self._network)

    def find_mip(
        self, direction: Any, mechanism: Units, purview: Units, **given: Unpack[Options]
    ) -> iit4.PurviewAnalysis:
        """φ of a mechanism over one purview, with all partitions that attain it."""
        side = direction_of(direction)
        units, over = self._units("mechanism", mechanism), self._units("purview", purview)
        answer = self._native.mechanism(mask(units), mask(over), [side], self._of_mechanism(given))
        record = json.loads(answer.json())[side][0]
        return iit4.PurviewAnalysis._over(side, units, record, self._network)

    def intrinsic_information(self, direction: Any, mechanism: Units, purview: Units) -> float:
        """Intrinsic information of a mechanism over a purview, in bits."""
        return self.find_mip(direction, mechanism, purview).intrinsic_information

    def mechanism(self, mechanism: Units, **given: Unpack[Options]) -> iit4.MechanismAnalysis:
        """A mechanism over all its purviews with φ > 0."""
        units = mask(self._units("mechanism", mechanism))
        sides = ["cause", "effect"]
        answer = self._native.mechanism(units, None, sides, self._of_mechanism(given))
        return iit4.MechanismAnalysis._of(answer, self._network)

    def mic(self, mechanism: Units, **given: Unpack[Options]) -> Optional[iit4.Mice]:
        """The cause of the distinction of a mechanism."""
        found = self.distinction(mechanism, **given)
        return None if found is None else found.cause

    def mie(self, mechanism: Units, **given: Unpack[Options]) -> Optional[iit4.Mice]:
        """The effect of the distinction of a mechanism."""
        found = self.distinction(mechanism, **given)
        return None if found is None else found.effect


def _system(network: Network, state: Any, nodes: Any, formalism: str, ties: str) -> System:
    return System(network, state, nodes, formalism=formalism, ties=ties)


Candidate = Union[Subsystem, System]

__all__ += ["Candidate"]
