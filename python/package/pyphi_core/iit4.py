"""Results of IIT 4.0 (Albantakis et al. 2023; Mayner, Marshall and Tononi 2026)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Optional, Union

from . import _engine
from ._arguments import Floats, Frozen, listed, mask, visible
from ._record import (
    OfMechanism,
    OfNetwork,
    OfSystem,
    OverPurview,
    Part,
    Partition,
    Record,
    Records,
    frame,
)

if TYPE_CHECKING:
    from ._network import Network
    from ._pictures import Picture

__all__ = [
    "Complexes",
    "Distinction",
    "Distinctions",
    "Face",
    "Mice",
    "MechanismAnalysis",
    "Part",
    "Partition",
    "PhiStructure",
    "PurviewAnalysis",
    "PurviewState",
    "Relation",
    "Relations",
    "SystemIrreducibilityAnalysis",
    "SystemPartition",
    "SystemState",
]


class SystemPartition(Frozen):
    """A partition of a system: its parts, each with what of its connections is cut.

    >>> SystemPartition([[0, 1], [2]], ["inputs_cut", "outputs_cut"])
    SystemPartition({0,1} inputs cut | {2} outputs cut)
    """

    __slots__ = ("_parts", "_directions", "_labels", "_kind", "_edges")
    _parts: tuple[tuple[int, ...], ...]
    _directions: tuple[str, ...]
    _labels: Optional[Sequence[str]]
    _kind: str
    _edges: Optional[Sequence[Sequence[int]]]
    _what = "a partition"

    def __init__(
        self,
        parts: Iterable[Iterable[int]],
        directions: Iterable[str],
        *,
        _kind: str = "directed_set",
        _edges: Optional[Sequence[Sequence[int]]] = None,
        _labels: Any = None,
    ) -> None:
        sets = [listed("parts", it) for it in listed("parts", parts)]
        object.__setattr__(self, "_parts", tuple(tuple(sorted(map(int, it))) for it in sets))
        object.__setattr__(self, "_directions", tuple(listed("directions", directions)))
        object.__setattr__(self, "_labels", _labels)
        object.__setattr__(self, "_kind", _kind)
        object.__setattr__(self, "_edges", _edges)
        if len(self._parts) != len(self._directions):
            raise ValueError(
                f"partition: {len(self._directions)} directions, expected one for each of the"
                f" {len(self._parts)} parts"
            )

    @property
    def kind(self) -> str:
        """``none``, ``complete`` (of a single unit) or ``directed_set``."""
        return self._kind

    @property
    def parts(self) -> tuple[tuple[int, ...], ...]:
        """The parts."""
        return self._parts

    @property
    def directions(self) -> tuple[str, ...]:
        """The direction in which each part is cut: ``inputs_cut``, ``outputs_cut`` or ``both``."""
        return self._directions

    @property
    def cut_edges(self) -> tuple[tuple[int, int], ...]:
        """All pairs (u, v) with u → v cut, connected or not."""
        if self._edges is not None:
            return tuple((int(u), int(v)) for u, v in self._edges)
        if len(self._parts) == 1:
            unit = self._parts[0][0]
            return ((unit, unit),)
        sides = list(zip(self._parts, self._directions))
        pairs = [
            (u, v)
            for a, of_a in sides
            for b, of_b in sides
            if a is not b and not (of_a == "inputs_cut" and of_b == "outputs_cut")
            for u in a
            for v in b
        ]
        return tuple(sorted(pairs))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SystemPartition):
            return NotImplemented
        return (self._parts, self._directions) == (other._parts, other._directions)

    def __hash__(self) -> int:
        return hash((self._parts, self._directions))

    def __reduce__(self) -> Any:
        data = {
            "parts": self._parts,
            "directions": self._directions,
            "kind": self._kind,
            "cut_edges": self._edges,
        }
        return (_partition_of, (data, self._labels))

    def _shown(self) -> str:
        def shown(units: tuple[int, ...], cut: str) -> str:
            names = (str(it) if self._labels is None else self._labels[it] for it in units)
            words = {"inputs_cut": "inputs cut", "outputs_cut": "outputs cut", "both": "cut"}
            return "{" + ",".join(names) + "} " + words.get(cut, cut)

        return " | ".join(shown(*it) for it in zip(self._parts, self._directions))

    def __repr__(self) -> str:
        return f"SystemPartition({visible(self._shown())})"


def _partition_of(data: dict[str, Any], labels: Any) -> SystemPartition:
    return SystemPartition(
        data["parts"],
        data["directions"],
        _kind=data["kind"],
        _edges=data["cut_edges"],
        _labels=labels,
    )


class SystemState(Record):
    """The state that a system specifies as its cause or its effect."""

    __slots__ = ()

    @property
    def state(self) -> tuple[int, ...]:
        """The value of each unit of the system."""
        return tuple(self._data["state"])

    @property
    def intrinsic_information(self) -> float:
        """Intrinsic information, in bits."""
        return float(self._data["ii"])

    @property
    def ties(self) -> tuple[tuple[int, ...], ...]:
        """All states with this intrinsic information."""
        return tuple(tuple(it) for it in self._data["ties"])

    def _shown(self) -> str:
        return f"{self.state}, ii = {self.intrinsic_information:.6g}"


class SystemIrreducibilityAnalysis(OfSystem):
    """φ_s of a system and what it rests on."""

    __slots__ = ()

    @property
    def phi(self) -> float:
        """φ_s in bits. Of an analysis that was stopped an upper bound."""
        found = self._content()["phi_s"]
        return float("inf") if found is None else float(found)

    phi_s = phi

    @property
    def normalized_phi(self) -> float:
        """φ_s for each pair of units that the partition cuts."""
        found = self._content()["normalized_phi_s"]
        return float("inf") if found is None else float(found)

    @property
    def phi_cause(self) -> Optional[float]:
        """Integration of the cause side at the partition, before the cap of 2026."""
        return self._content()["phi_cause"]  # type: ignore[no-any-return]

    @property
    def phi_effect(self) -> Optional[float]:
        """The same of the effect side."""
        return self._content()["phi_effect"]  # type: ignore[no-any-return]

    @property
    def partition(self) -> SystemPartition:
        """The minimum information partition."""
        return _partition_of(self._content()["partition"], self._network.node_labels)

    @property
    def mip_ties(self) -> int:
        """The number of partitions that are tied for the minimum, this one included."""
        return int(self._content()["mip_ties"])

    @property
    def reasons(self) -> tuple[str, ...]:
        """The reasons why no partition was tried."""
        return tuple(self._content()["reasons"])

    @property
    def formalism(self) -> str:
        """``iit4-2023``, ``iit4-2026`` or ``iit4-2026-paper``."""
        return str(self._content()["formalism"])

    @property
    def ties_policy(self) -> str:
        """``principled``, ``pyphi`` or ``max-phi``."""
        return str(self._content()["ties_policy"])

    def _system_state(self, side: str) -> Optional[SystemState]:
        found = self._content()["sia_system_state"]
        return None if found is None else SystemState(found[side], self._network)

    @property
    def cause(self) -> Optional[SystemState]:
        """The state that the system specifies as its cause."""
        return self._system_state("cause")

    @property
    def effect(self) -> Optional[SystemState]:
        """The state that the system specifies as its effect."""
        return self._system_state("effect")

    @property
    def intrinsic_differentiation(self) -> Optional[dict[str, float]]:
        """By the present state, as PyPhi 2.0-dev defines it; ``cause`` and ``effect``."""
        found = self._content()["intrinsic_differentiation"]
        return None if found is None else dict(found)

    @property
    def intrinsic_differentiation_paper(self) -> Optional[dict[str, float]]:
        """By the specified states, as the paper of 2026 defines it."""
        found = self._content()["intrinsic_differentiation_paper"]
        return None if found is None else dict(found)

    @property
    def tied_state_pairs(self) -> int:
        """Pairs of specified states that are also tied in φ_s."""
        return int(self._content()["tied_state_pairs"])

    def __lt__(self, other: SystemIrreducibilityAnalysis) -> bool:
        return (self.phi, len(self.nodes)) < (other.phi, len(other.nodes))

    def _shown(self) -> str:
        exact = "" if self.exact else f", not exact: {self.stop_reason}"
        partition = self.partition._shown()
        return f"φ_s = {self.phi:.6g}, {self._set(self.nodes)}, {partition}{exact}"

    def _severed(self) -> Sequence[tuple[int, int]]:
        return self.partition.cut_edges


class Mice(OverPurview):
    """A maximally irreducible cause or effect."""

    __slots__ = ()

    @property
    def state(self) -> tuple[int, ...]:
        """The state that is specified: the value of each unit of the purview."""
        return tuple(self._data["record"]["state"])

    specified_state = state

    @property
    def phi(self) -> float:
        """φ in bits."""
        return float(self._data["record"]["phi"])

    @property
    def partition(self) -> Partition:
        """The minimum information partition."""
        return Partition(self._data["record"]["partition"], self._network)

    mip = partition

    @property
    def tied(self) -> tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]:
        """All purviews with their states that have this φ."""
        own = (self.purview, self.state)
        found = self._data["record"].get("tied", [])
        return tuple((tuple(purview), tuple(state)) for purview, state in found) or (own,)

    def _shown(self) -> str:
        state = ",".join(map(str, self.state))
        return f"{self.direction} {self._set(self.purview)} = ({state}), φ = {self.phi:.6g}"


class Distinction(Record):
    """A mechanism with its cause and its effect."""

    __slots__ = ()

    @property
    def mechanism(self) -> tuple[int, ...]:
        """Units of the mechanism."""
        return tuple(self._data["mechanism"])

    @property
    def phi(self) -> float:
        """φ_d in bits."""
        return float(self._data["phi_d"])

    phi_d = phi

    def _mice(self, direction: str) -> Mice:
        record, mechanism = self._data[direction], self._data["mechanism"]
        return Mice._over(direction, mechanism, record, self._network)

    @property
    def cause(self) -> Mice:
        """Its cause."""
        return self._mice("cause")

    @property
    def effect(self) -> Mice:
        """Its effect."""
        return self._mice("effect")

    def _shown(self) -> str:
        cause, effect = self.cause._shown(), self.effect._shown()
        return f"{self._set(self.mechanism)}, φ_d = {self.phi:.6g}; {cause}; {effect}"


class Distinctions(Records[Distinction]):
    """Distinctions, by size of the mechanism, then lexicographically."""

    __slots__ = ()
    _kind = Distinction

    @property
    def phis(self) -> tuple[float, ...]:
        """φ_d of each."""
        return tuple(it["phi_d"] for it in self._data)

    @property
    def mechanisms(self) -> tuple[tuple[int, ...], ...]:
        """The mechanism of each."""
        return tuple(tuple(it["mechanism"]) for it in self._data)

    def _rows(self) -> list[dict[str, Any]]:
        labels = self._network.labels

        def side(it: Mice) -> str:
            return ",".join(labels(it.purview)) + " = " + ",".join(map(str, it.state))

        return [
            {
                "mechanism": ",".join(labels(it.mechanism)),
                "phi_d": it.phi,
                "cause": side(it.cause),
                "cause_phi": it.cause.phi,
                "effect": side(it.effect),
                "effect_phi": it.effect.phi,
            }
            for it in self
        ]


class Face(Record):
    """A face of a relation."""

    __slots__ = ()

    @property
    def sides(self) -> tuple[str, ...]:
        """For each of the mechanisms ``cause``, ``effect`` or ``both``."""
        return tuple(self._data["sides"])

    @property
    def overlap(self) -> tuple[tuple[int, int], ...]:
        """The units, each with its state, that all of these have in common."""
        return tuple((unit, state) for unit, state in self._data["overlap"])

    def _shown(self) -> str:
        return f"{', '.join(self.sides)}: {_overlap(self, self.overlap)}"


def _overlap(record: Record, overlap: Iterable[tuple[int, int]]) -> str:
    return ", ".join(f"{record._labels((unit,))[0]}={state}" for unit, state in overlap)


class Relation(Record):
    """Distinctions whose causes and effects overlap."""

    __slots__ = ("_list",)
    _list: _engine.RelationList

    def __init__(self, data: Any, network: Network, relations: _engine.RelationList) -> None:
        super().__init__(data, network)
        object.__setattr__(self, "_list", relations)

    def __reduce__(self) -> Any:
        return (_kept_relation, (self._data, self._network, self._data["briefs"]))

    def _found(self) -> tuple[list[int], list[tuple[int, int]], float]:
        return self._data["distinctions"], self._data["overlap"], self._data["phi_r"]

    @property
    def mechanisms(self) -> tuple[tuple[int, ...], ...]:
        """The mechanisms of its distinctions."""
        return tuple(tuple(it) for it in self._data["mechanisms"])

    @property
    def distinctions(self) -> tuple[int, ...]:
        """The positions of its distinctions."""
        return tuple(self._data["distinctions"])

    @property
    def degree(self) -> int:
        """The number of its distinctions."""
        return len(self._data["distinctions"])

    def __len__(self) -> int:
        return self.degree

    @property
    def overlap(self) -> tuple[tuple[int, int], ...]:
        """The units, each with its state, that their causes and effects have in common."""
        return tuple((unit, state) for unit, state in self._data["overlap"])

    @property
    def phi(self) -> float:
        """φ_r in bits."""
        return float(self._data["phi_r"])

    phi_r = phi

    @property
    def n_faces(self) -> int:
        """The number of its faces."""
        return self._list.n_faces(self._found())

    def faces(self, most: int = 1000) -> list[Face]:
        """Its first faces."""
        found = self._list.faces(self._found(), most)
        data = ({"sides": sides, "overlap": [list(it) for it in shared]} for sides, shared in found)
        return [Face(it, self._network) for it in data]

    def _content(self) -> Any:
        faces = [it._content() for it in self.faces(self._data["most"])]
        return {
            "mechanisms": self._data["mechanisms"],
            "overlap": [list(it) for it in self._data["overlap"]],
            "phi_r": self._data["phi_r"],
            "n_faces": self.n_faces,
            "faces": faces,
        }

    def _shown(self) -> str:
        mechanisms = ", ".join(self._set(it) for it in self.mechanisms)
        return f"{mechanisms}: {_overlap(self, self.overlap)}, φ_r = {self.phi:.6g}"


def _kept_relation(data: Any, network: Network, briefs: Any) -> Relation:
    return Relation(data, network, _engine.RelationList(briefs))


class Relations:
    """The relations among the distinctions of a structure, found as they are asked for. There may
    be more than a list can hold: ``len`` works up to 2⁶³, ``count`` always."""

    __slots__ = ("_data", "_network", "_list", "_briefs")

    def __init__(self, distinctions: Any, network: Network) -> None:
        def side(it: dict[str, Any]) -> tuple[int, bytes]:
            return mask(it["purview"]), bytes(it["state"])

        self._data = distinctions
        self._network = network
        self._briefs = [
            (mask(it["mechanism"]), it["phi_d"], side(it["cause"]), side(it["effect"]))
            for it in distinctions
        ]
        self._list = _engine.RelationList(self._briefs)

    @property
    def count(self) -> int:
        """The number of relations, those of single distinctions included."""
        return self._list.count()

    def __len__(self) -> int:
        return self.count

    def __bool__(self) -> bool:
        return self.count > 0

    def __iter__(self) -> Iterator[Relation]:
        after, most = None, 64
        while True:
            some = self._list.some(after, most)
            yield from map(self._relation, some)
            if len(some) < most:
                return
            after, most = some[-1], min(2 * most, 4096)

    def _relation(self, found: Any) -> Relation:
        distinctions, overlap, phi = found
        data = {
            "distinctions": distinctions,
            "mechanisms": [self._data[it]["mechanism"] for it in distinctions],
            "overlap": overlap,
            "phi_r": phi,
            "briefs": self._briefs,
            "most": 100,
        }
        return Relation(data, self._network, self._list)

    def first(self, most: int) -> list[Relation]:
        """The first of them."""
        return [self._relation(it) for it in self._list.some(None, most)]

    def to_pandas(self, most: int = 100_000) -> Any:
        """A row for each of the first, as a DataFrame: needs pandas."""
        return frame(
            [
                {
                    "mechanisms": " ".join(it._set(units) for units in it.mechanisms),
                    "degree": it.degree,
                    "overlap": _overlap(it, it.overlap),
                    "phi_r": it.phi,
                    "n_faces": it.n_faces,
                }
                for it in self.first(most)
            ]
        )

    def __reduce__(self) -> Any:
        return (Relations, (self._data, self._network))

    def __repr__(self) -> str:
        return f"Relations({self.count})"


class PhiStructure(SystemIrreducibilityAnalysis):
    """A Φ-structure: what a system specifies, its distinctions and relations. It has all attributes
    of the analysis of the system, too: ``phi`` is φ_s and ``big_phi`` is Φ."""

    __slots__ = ()

    @property
    def big_phi(self) -> float:
        """Φ = Σφ_d + Σφ_r, in bits."""
        return self._phi

    @property
    def distinctions(self) -> Distinctions:
        """The congruent distinctions."""
        return Distinctions(self._content()["distinctions"], self._network)

    @property
    def incongruent_distinctions(self) -> Distinctions:
        """Those that are left out because their cause or effect is not congruent."""
        return Distinctions(self._content()["dropped_incongruent"], self._network)

    @property
    def relations(self) -> Relations:
        """The relations, found as they are asked for."""
        return Relations(self._content()["distinctions"], self._network)

    @property
    def sum_phi_distinctions(self) -> float:
        """Σφ_d, in bits."""
        return float(self._content()["sum_phi_d"])

    sum_phi_d = sum_phi_distinctions

    @property
    def sum_phi_relations(self) -> float:
        """Σφ_r, in bits."""
        return float(self._content()["sum_phi_r"])

    sum_phi_r = sum_phi_relations

    @property
    def n_relations(self) -> int:
        """The number of relations."""
        return int(self._content()["n_relations"])

    @property
    def system_cause_state(self) -> tuple[int, ...]:
        """The state that causes must be congruent with."""
        return tuple(self._content()["system_cause_state"])

    @property
    def system_effect_state(self) -> tuple[int, ...]:
        """The state that effects must be congruent with."""
        return tuple(self._content()["system_effect_state"])

    @property
    def choice(self) -> Optional[dict[str, Any]]:
        """Under ``max-phi``: what is proven about the choice among ties."""
        found: Optional[dict[str, Any]] = self.to_dict().get("choice")
        return found

    @property
    def spectrum(self) -> Optional[dict[str, Any]]:
        """The smallest and the largest Φ that ties allow, if that was asked for."""
        found: Optional[dict[str, Any]] = self.to_dict().get("spectrum")
        return found

    def plot(
        self,
        show: Union[str, Iterable[str], None] = None,
        dark: bool = False,
        threads: Optional[int] = None,
    ) -> Picture:
        """The structure as ``phi draw`` draws it: ``graph``, ``structure`` and ``lattice``, one
        below the other, or what ``show`` names, also ``complexes``, ``states``, ``tpm`` and ``cm``.
        What is drawn is computed anew."""
        from ._pictures import picture

        return picture(self, show, dark, self.formalism, self.ties_policy, {"threads": threads})

    def _shown(self) -> str:
        content = self._content()
        counts = f"{len(content['distinctions'])} distinctions, {content['n_relations']} relations"
        return f"Φ = {self.big_phi:.6g}, {counts}, {super()._shown()}"

    def _rows(self) -> list[dict[str, Any]]:
        return self.distinctions._rows()


class Complexes(OfNetwork[PhiStructure]):
    """The complexes of a network, largest φ_s first, each with its Φ-structure."""

    __slots__ = ()

    def _make(self, data: Any) -> PhiStructure:
        return PhiStructure(data, self._network, data["big_phi"])

    @property
    def condensed(self) -> list[PhiStructure]:
        """All of them: complexes of IIT 4.0 do not overlap."""
        return list(self)

    def _rows(self) -> list[dict[str, Any]]:
        return [
            {
                "nodes": ",".join(self._labels(it.nodes)),
                "phi_s": it.phi,
                "big_phi": it.big_phi,
                "partition": it.partition._shown(),
                "n_distinctions": len(it.distinctions),
                "n_relations": it.n_relations,
            }
            for it in self
        ]


class PurviewState(Record):
    """A state that a mechanism specifies of a purview."""

    __slots__ = ()

    @property
    def state(self) -> tuple[int, ...]:
        """The state, lowest unit first."""
        return tuple(self._data["state"])

    @property
    def phi(self) -> float:
        """φ of the state."""
        return float(self._data["phi"])

    @property
    def selectivity(self) -> float:
        """Its probability in the repertoire."""
        return float(self._data["selectivity"])

    @property
    def partitions(self) -> tuple[Partition, ...]:
        """The minimum information partitions that tie; none where φ = 0."""
        return tuple(Partition(it, self._network) for it in self._data["partitions"])

    @property
    def partitions_are_all(self) -> bool:
        """False if there may be more that tie."""
        return bool(self._data["partitions_are_all"])

    def _shown(self) -> str:
        return f"{self.state}, φ = {self.phi:.6g}"


class PurviewAnalysis(OverPurview):
    """φ of a mechanism over one purview."""

    __slots__ = ()

    @property
    def phi(self) -> float:
        """φ in bits: the largest one of the states."""
        return float(self._data["record"]["phi"])

    @property
    def intrinsic_information(self) -> float:
        """Intrinsic information in bits."""
        return float(self._data["record"]["ii"])

    @property
    def states(self) -> tuple[PurviewState, ...]:
        """The states that the mechanism specifies."""
        return tuple(PurviewState(it, self._network) for it in self._data["record"]["states"])

    @property
    def partition(self) -> Partition:
        """The minimum information partition of the first state with the largest φ."""
        best = max(self._data["record"]["states"], key=lambda it: float(it["phi"]))
        mips = best["partitions"]
        return Partition(mips[0] if mips else [], self._network)

    mip = partition

    @property
    def repertoire(self) -> Floats:
        """The probabilities that states are selected with."""
        return self._repertoire(self._data["record"]["repertoire"], self.purview)

    @property
    def forward_repertoire(self) -> Floats:
        """By state of the purview: P(it | mechanism), of causes P(mechanism | it)."""
        return self._repertoire(self._data["record"]["forward_repertoire"], self.purview)

    @property
    def unconstrained_forward_repertoire(self) -> Floats:
        """The same with the mechanism, of causes the purview, unconstrained."""
        found = self._data["record"]["unconstrained_forward_repertoire"]
        return self._repertoire(found, self.purview)

    def _shown(self) -> str:
        units = f"{self._set(self.mechanism)}, {self.direction} {self._set(self.purview)}"
        return f"{units}, φ = {self.phi:.6g}, ii = {self.intrinsic_information:.6g}"


class MechanismAnalysis(OfMechanism[PurviewAnalysis]):
    """One mechanism over its purviews: all with φ > 0, largest φ first."""

    __slots__ = ()
    _kind = PurviewAnalysis
