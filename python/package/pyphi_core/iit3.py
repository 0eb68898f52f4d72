"""Results of IIT 3.0 (Oizumi, Albantakis, Tononi 2014)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Optional, Union

from ._arguments import Floats, Frozen, listed, visible
from ._record import (
    Answered,
    OfMechanism,
    OfNetwork,
    OfSystem,
    OverPurview,
    Part,
    Partition,
    Record,
    Records,
)

if TYPE_CHECKING:
    from ._network import Network
    from ._pictures import Picture

__all__ = [
    "CauseEffectStructure",
    "CoreCauseOrEffect",
    "Complexes",
    "Concept",
    "Cut",
    "MechanismAnalysis",
    "Part",
    "Partition",
    "RepertoireIrreducibilityAnalysis",
    "StructureDistance",
    "SystemIrreducibilityAnalysis",
]


class Cut(Frozen):
    """A directed cut of a system: the connections from some units to the others are severed.

    >>> Cut([0, 1], [2])
    Cut({0,1} ≠> {2})
    """

    __slots__ = ("_from", "_to", "_labels")
    _from: tuple[int, ...]
    _to: tuple[int, ...]
    _labels: Optional[Sequence[str]]
    _what = "a cut"

    def __init__(
        self, from_nodes: Iterable[int], to_nodes: Iterable[int], _labels: Any = None
    ) -> None:
        sides = listed("from_nodes", from_nodes), listed("to_nodes", to_nodes)
        object.__setattr__(self, "_from", tuple(sorted(map(int, sides[0]))))
        object.__setattr__(self, "_to", tuple(sorted(map(int, sides[1]))))
        object.__setattr__(self, "_labels", _labels)

    @property
    def from_nodes(self) -> tuple[int, ...]:
        """The units whose outgoing connections are severed."""
        return self._from

    @property
    def to_nodes(self) -> tuple[int, ...]:
        """The units that see noise instead."""
        return self._to

    severed_from = from_nodes
    severed_to = to_nodes

    @property
    def indices(self) -> tuple[int, ...]:
        """All units."""
        return tuple(sorted(self._from + self._to))

    def to_dict(self) -> dict[str, list[int]]:
        """As the program writes it."""
        return {"severed_from": list(self._from), "severed_to": list(self._to)}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Cut):
            return NotImplemented
        return (self._from, self._to) == (other._from, other._to)

    def __hash__(self) -> int:
        return hash((self._from, self._to))

    def __reduce__(self) -> Any:
        return (Cut, (self._from, self._to, self._labels))

    def _shown(self) -> str:
        def shown(units: tuple[int, ...]) -> str:
            names = (str(it) if self._labels is None else self._labels[it] for it in units)
            return "{" + ",".join(names) + "}"

        return f"{shown(self._from)} ≠> {shown(self._to)}"

    def __repr__(self) -> str:
        return f"Cut({visible(self._shown())})"


def cut_of(data: Optional[dict[str, Any]], network: Network) -> Optional[Cut]:
    """A cut from its record."""
    if data is None:
        return None
    return Cut(data["severed_from"], data["severed_to"], network.node_labels)


class CoreCauseOrEffect(OverPurview):
    """A core cause or a core effect (PyPhi: ``MaximallyIrreducibleCause``, ``…Effect``)."""

    __slots__ = ()

    @property
    def phi(self) -> float:
        """φ."""
        return float(self._data["record"]["phi"])

    @property
    def repertoire(self) -> Floats:
        """The distribution over states of the purview, given the mechanism, with an axis for each
        unit of the network."""
        return self._repertoire(self._data["record"]["repertoire"], self.purview)

    @property
    def mip(self) -> Partition:
        """The minimum information partition."""
        return Partition(self._data["record"]["mip"], self._network)

    @property
    def ties(self) -> int:
        """Other purviews of the same size and φ: if this is not 0, another numbering of the units
        could have chosen another purview."""
        return int(self._data["record"]["ties"])

    def _shown(self) -> str:
        return f"{self.direction} {self._set(self.purview)}, φ = {self.phi:.6g}"


class Concept(Record):
    """A mechanism that specifies an irreducible cause and an irreducible effect."""

    __slots__ = ()

    @property
    def mechanism(self) -> tuple[int, ...]:
        """The units."""
        return tuple(self._data["mechanism"])

    @property
    def phi(self) -> float:
        """The smaller of the φ of core cause and core effect."""
        return float(self._data["phi"])

    def _core(self, direction: str) -> CoreCauseOrEffect:
        record, mechanism = self._data[direction], self._data["mechanism"]
        return CoreCauseOrEffect._over(direction, mechanism, record, self._network)

    @property
    def cause(self) -> CoreCauseOrEffect:
        """The core cause."""
        return self._core("cause")

    @property
    def effect(self) -> CoreCauseOrEffect:
        """The core effect."""
        return self._core("effect")

    @property
    def cause_purview(self) -> tuple[int, ...]:
        """Units of the core cause."""
        return self.cause.purview

    @property
    def effect_purview(self) -> tuple[int, ...]:
        """Units of the core effect."""
        return self.effect.purview

    @property
    def cause_repertoire(self) -> Floats:
        """Repertoire of the core cause."""
        return self.cause.repertoire

    @property
    def effect_repertoire(self) -> Floats:
        """Repertoire of the core effect."""
        return self.effect.repertoire

    def _shown(self) -> str:
        cause, effect = self._set(self.cause_purview), self._set(self.effect_purview)
        mechanism = self._set(self.mechanism)
        return f"{mechanism}, φ = {self.phi:.6g}, cause {cause}, effect {effect}"


class CauseEffectStructure(Records[Concept]):
    """All concepts of a system."""

    __slots__ = ()
    _kind = Concept

    @property
    def phis(self) -> tuple[float, ...]:
        """φ of each concept."""
        return tuple(it["phi"] for it in self._data)

    @property
    def mechanisms(self) -> tuple[tuple[int, ...], ...]:
        """The mechanism of each concept."""
        return tuple(tuple(it["mechanism"]) for it in self._data)

    @property
    def labeled_mechanisms(self) -> tuple[tuple[str, ...], ...]:
        """The mechanisms by their labels."""
        return tuple(self._network.labels(it) for it in self.mechanisms)

    @property
    def sum_phi(self) -> float:
        """Σφ."""
        return float(sum(self.phis))

    def of(self, mechanism: Sequence[int]) -> Optional[Concept]:
        """The concept of a mechanism, if it has one."""
        wanted = list(self._network.indices(mechanism))
        return next((it for it in self if list(it.mechanism) == wanted), None)

    def _rows(self) -> list[dict[str, Any]]:
        labels = self._network.labels
        return [
            {
                "mechanism": ",".join(labels(it.mechanism)),
                "phi": it.phi,
                "cause_purview": ",".join(labels(it.cause_purview)),
                "cause_phi": it.cause.phi,
                "cause_mip": repr(it.cause.mip),
                "effect_purview": ",".join(labels(it.effect_purview)),
                "effect_phi": it.effect.phi,
                "effect_mip": repr(it.effect.mip),
            }
            for it in self
        ]


class SystemIrreducibilityAnalysis(OfSystem):
    """Φ of a system with the evidence."""

    __slots__ = ()

    @property
    def phi(self) -> float:
        """Φ. Of an analysis that was stopped an upper bound, infinite if nothing is known."""
        return self._phi

    @property
    def cut(self) -> Optional[Cut]:
        """The minimum information partition of the system; None where Φ = 0 without a search."""
        return cut_of(self._content()["cut"], self._network)

    @property
    def ces(self) -> CauseEffectStructure:
        """The concepts of the intact system; empty where Φ = 0 without a search."""
        return CauseEffectStructure(self._content()["ces"], self._network)

    @property
    def partitioned_ces(self) -> CauseEffectStructure:
        """The concepts under the cut; empty where Φ = 0."""
        return CauseEffectStructure(self._content()["partitioned_ces"], self._network)

    @property
    def ties(self) -> int:
        """The number of core causes and effects in the two structures that were chosen among
        equals. If this is not 0, Φ depends on how the units are numbered."""
        return int(self._content()["ties"])

    @property
    def purview_ties(self) -> Optional[int]:
        """The same over all cuts; None unless ``count_ties`` asked for it."""
        found = self._content().get("purview_ties")
        return None if found is None else int(found)

    @property
    def conceptual_information(self) -> Optional[float]:
        """The distance of the structure from one without concepts."""
        found: Optional[float] = self._content().get("conceptual_information")
        return found

    @property
    def spectrum(self) -> Optional[dict[str, Any]]:
        """All Φ that ties allow, if that was asked for: the fields of the program."""
        found: Optional[dict[str, Any]] = self.to_dict().get("spectrum")
        return found

    @property
    def range(self) -> Optional[dict[str, Any]]:
        """Φ over numberings of the units, where ``spectrum`` is not proven."""
        found: Optional[dict[str, Any]] = self.to_dict().get("range")
        return found

    @property
    def variant(self) -> dict[str, Any]:
        """The settings that differ from IIT 3.0 as published, by their names in PyPhi."""
        return dict(self._content().get("variant", {}))

    def __lt__(self, other: SystemIrreducibilityAnalysis) -> bool:
        return (self.phi, len(self.nodes)) < (other.phi, len(other.nodes))

    def _shown(self) -> str:
        cut = "no cut" if self.cut is None else self.cut._shown()
        exact = "" if self.exact else f", not exact: {self.stop_reason}"
        concepts = len(self._content()["ces"])
        return f"Φ = {self.phi:.6g}, {self._set(self.nodes)}, {cut}, {concepts} concepts{exact}"

    def plot(
        self,
        show: Union[str, Iterable[str], None] = None,
        dark: bool = False,
        threads: Optional[int] = None,
    ) -> Picture:
        """The analysis as ``phi draw`` draws it: ``graph`` and ``structure``, one below the other,
        or what ``show`` names, also ``partitioned``, ``complexes``, ``states``, ``tpm`` and ``cm``.
        What is drawn is computed anew."""
        from ._options import VARIANT
        from ._pictures import picture

        variant = self.variant
        given: dict[str, Any] = {"threads": threads}
        given.update({name: variant[it] for name, it in VARIANT.items() if it in variant})
        return picture(self, show, dark, "iit3", "max-phi", given)

    def _severed(self) -> list[tuple[int, int]]:
        cut = self.cut
        return [] if cut is None else [(a, b) for a in cut.from_nodes for b in cut.to_nodes]

    def _rows(self) -> list[dict[str, Any]]:
        return self.ces._rows()


class Complexes(OfNetwork[SystemIrreducibilityAnalysis]):
    """The subsystems with Φ > 0, largest Φ first."""

    __slots__ = ()

    def _make(self, data: Any) -> SystemIrreducibilityAnalysis:
        return SystemIrreducibilityAnalysis(data, self._network, data["phi"])

    @property
    def condensed(self) -> list[SystemIrreducibilityAnalysis]:
        """Those that remain when each excludes the later ones it overlaps with."""
        kept = self._content()["condensed"]
        return [it for it in self if list(it.nodes) in kept]

    def _rows(self) -> list[dict[str, Any]]:
        return [
            {
                "nodes": ",".join(self._labels(it.nodes)),
                "phi": it.phi,
                "cut": "" if it.cut is None else it.cut._shown(),
                "n_concepts": len(it.ces),
                "ties": it.ties,
            }
            for it in self
        ]


class RepertoireIrreducibilityAnalysis(OverPurview):
    """Small φ of a mechanism over one purview, with all that it rests on."""

    __slots__ = ()

    @property
    def phi(self) -> float:
        """φ."""
        return float(self._data["record"]["phi"])

    @property
    def partition(self) -> Partition:
        """The minimum information partition, the first of ``partitions``."""
        mips = self._data["record"]["mips"]
        return Partition(mips[0] if mips else [], self._network)

    mip = partition

    @property
    def partitions(self) -> tuple[Partition, ...]:
        """All partitions that tie for it; none where nothing connects mechanism and purview."""
        return tuple(Partition(it, self._network) for it in self._data["record"]["mips"])

    @property
    def repertoire(self) -> Floats:
        """The distribution over states of the purview, given the mechanism, with an axis for each
        unit of the network."""
        return self._repertoire(self._data["record"]["repertoire"], self.purview)

    @property
    def partitioned_repertoire(self) -> Optional[Floats]:
        """The same under the minimum information partition."""
        found = self._data["record"].get("partitioned_repertoire")
        return None if found is None else self._repertoire(found, self.purview)

    @property
    def unconstrained_repertoire(self) -> Floats:
        """The same of the empty mechanism."""
        return self._repertoire(self._data["record"]["unconstrained_repertoire"], self.purview)

    def _shown(self) -> str:
        units = f"{self._set(self.mechanism)}, {self.direction} {self._set(self.purview)}"
        return f"{units}, φ = {self.phi:.6g}, partition {self.partition!r}"


class MechanismAnalysis(OfMechanism[RepertoireIrreducibilityAnalysis]):
    """One mechanism over its purviews: all with φ > 0, largest φ first."""

    __slots__ = ()
    _kind = RepertoireIrreducibilityAnalysis


class StructureDistance(Answered):
    """The distance of two cause-effect structures."""

    __slots__ = ()

    @property
    def distance(self) -> float:
        """The distance from the first to the second."""
        return self._phi

    @property
    def structures(self) -> tuple[CauseEffectStructure, CauseEffectStructure]:
        """The structures."""
        found = self._content()["structures"]
        first, second = (CauseEffectStructure(it["ces"], self._network) for it in found)
        return first, second

    def _shown(self) -> str:
        return f"{self.distance:.6g}"
