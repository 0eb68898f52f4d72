"""The same network on another grain: macro systems of IIT 3.0 (Hoel et al. 2016; Marshall et al.
2018), intrinsic units of IIT 4.0 (Marshall et al. 2024).

>>> import pyphi_core as pc
>>> tpm = [[0.05, 0.05], [0.05, 0.06], [0.06, 0.05], [0.95, 0.95]]
>>> network = pc.Network(tpm)
>>> found = pc.macro.complexes(network, (0, 0))  # the minimal example of Marshall et al. 2024
>>> [(it.micro, round(it.phi, 6)) for it in found]
[((0, 1), 0.788334)]
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Optional, Union

import numpy as np

from . import _arguments as arguments
from . import _engine, iit3, iit4
from ._arguments import (
    MANY,
    ArgumentError,
    Floats,
    Frozen,
    Units,
    listed,
    refused,
    shortened,
    visible,
)
from ._network import Network
from ._options import limited, options
from ._record import Answered, Record, Records

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._options import Options

__all__ = [
    "Blackbox",
    "CoarseGrain",
    "Complexes",
    "EffectiveInformation",
    "FoundSystem",
    "FoundSystems",
    "Grain",
    "IntrinsicSystem",
    "IntrinsicUnit",
    "MacroAnalysis",
    "MacroSystem",
    "Unit",
    "Verdict",
    "Verdicts",
    "complexes",
    "effective_info",
    "emergence",
    "macro_phi",
    "units",
]


# --- IIT 3.0 --------------------------------------------------------------------------------------


class _Sets(Frozen):
    """Units of a system in sets."""

    __slots__ = ("_of_sets", "_sets")
    _sets: tuple[tuple[Any, ...], ...]
    _of_sets: tuple[Any, ...]

    def __init__(self, sets: Iterable[Units], of_sets: Iterable[Any]) -> None:
        def units(value: Any) -> tuple[Any, ...]:
            return (value,) if isinstance(value, (int, str)) else tuple(_listed(value))

        def _listed(value: Any) -> list[Any]:
            return listed("partition", value, expected="sets of units")

        object.__setattr__(self, "_sets", tuple(units(it) for it in _listed(sets)))
        object.__setattr__(self, "_of_sets", tuple(_listed(of_sets)))

    @property
    def partition(self) -> tuple[tuple[Any, ...], ...]:
        """The sets."""
        return self._sets

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        assert isinstance(other, _Sets)
        return (self._sets, self._of_sets) == (other._sets, other._of_sets)

    def __hash__(self) -> int:
        return hash((self._sets, self._of_sets))

    def __reduce__(self) -> Any:
        return (type(self), (self._sets, self._of_sets))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._sets}, {self._of_sets})"


class Blackbox(_Sets):
    """Units in boxes, of which only the outputs are seen from outside.

    >>> Blackbox([(0, 1), (2, 3)], output_indices=(1, 3)).output_indices
    (1, 3)
    """

    __slots__ = ()
    _what = "a black box"

    def __init__(self, partition: Iterable[Units], output_indices: Iterable[Any]) -> None:
        super().__init__(partition, output_indices)

    @property
    def output_indices(self) -> tuple[Any, ...]:
        """The outputs."""
        return self._of_sets


class CoarseGrain(_Sets):
    """Units in groups, of which only it counts how many are ON: ``grouping`` has for each group the
    numbers for which it is OFF and those for which it is ON.

    >>> CoarseGrain([(0, 1), (2, 3)], grouping=[[[0, 1], [2]], [[0, 1], [2]]]).off
    ((0, 1), (0, 1))
    """

    __slots__ = ()
    _what = "a coarse graining"

    def __init__(self, partition: Iterable[Units], grouping: Iterable[Any]) -> None:
        def counts(given: Any) -> tuple[tuple[int, ...], ...]:
            off, on = given
            both = (listed("grouping", it, MANY + 1) for it in (off, on))
            return tuple(tuple(map(int, it)) for it in both)

        try:
            counted = [counts(it) for it in listed("grouping", grouping)]
        except (TypeError, ValueError, OverflowError):
            expected = "expected for each group the ON counts of OFF and of ON, as in [[0, 1], [2]]"
            raise ArgumentError(f"grouping: {shortened(grouping)}, {expected}") from None
        super().__init__(partition, counted)
        if len(self._sets) != len(self._of_sets):
            n = len(self._of_sets)
            raise refused(f"grouping: of {n} groups, expected of {len(self._sets)}")
        for units, (off, on) in zip(self._sets, self._of_sets):
            if sorted(off + on) != list(range(len(units) + 1)):
                message = f"grouping: {off} and {on}, expected each of 0 to {len(units)} in one"
                raise refused(message)

    @property
    def grouping(self) -> tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]:
        """For each group the ON counts for which it is OFF, and those for which it is ON."""
        return self._of_sets

    @property
    def off(self) -> tuple[tuple[int, ...], ...]:
        """For each group the ON counts for which it is OFF."""
        return tuple(off for off, _ in self._of_sets)


class EffectiveInformation(Record):
    """EI: how much a uniform choice of the past says about the present."""

    __slots__ = ()

    @property
    def bits(self) -> float:
        """EI in bits."""
        return float(self._data["bits"])

    @property
    def determinism(self) -> float:
        """How far what follows is from chance, from 0 to 1."""
        return float(self._data["determinism"])

    @property
    def degeneracy(self) -> float:
        """How far different states lead to the same, from 0 to 1."""
        return float(self._data["degeneracy"])

    def __float__(self) -> float:
        return self.bits

    def _shown(self) -> str:
        shown = f"{self.bits:.6g} bits, determinism {self.determinism:.6g}"
        return f"{shown}, degeneracy {self.degeneracy:.6g}"


class Grain(Record):
    """How micro units are taken together (IIT 3.0)."""

    __slots__ = ()

    @property
    def nodes(self) -> tuple[int, ...]:
        """The micro units."""
        return tuple(self._data["nodes"])

    @property
    def time_scale(self) -> int:
        """How many updates are one step."""
        return int(self._data["time_scale"])

    @property
    def blackbox(self) -> Optional[Blackbox]:
        """The boxes, if there are any."""
        boxes = self._data["boxes"]
        return None if boxes is None else Blackbox(boxes, self._data["outputs"])

    @property
    def coarse_grain(self) -> Optional[CoarseGrain]:
        """The groups, if there are any."""
        groups = self._data["groups"]
        if groups is None:
            return None
        off = self._data["off"]
        on = [[it for it in range(len(g) + 1) if it not in o] for g, o in zip(groups, off)]
        return CoarseGrain(groups, list(zip(off, on)))

    def _shown(self) -> str:
        kinds = (self.blackbox, self.coarse_grain)
        shown = ", ".join(repr(it) for it in kinds if it is not None) or self._set(self.nodes)
        return shown if self.time_scale == 1 else f"{shown}, {self.time_scale} updates a step"


class MacroSystem(Record):
    """A macro system of IIT 3.0 with its Φ. Its units are numbered as the sets of its grain."""

    __slots__ = ()

    @property
    def grain(self) -> Grain:
        """The grain."""
        return Grain(self._data["grain"], self._network)

    @property
    def network(self) -> Network:
        """The macro units as a network."""
        return Network(self._data["tpm"], self._data["cm"], force_cm=True)

    @property
    def tpm(self) -> Floats:
        """State-by-node."""
        return _frozen(self._data["tpm"])

    @property
    def state(self) -> tuple[int, ...]:
        """The state of the macro units."""
        return tuple(self._data["state"])

    @property
    def effective_information(self) -> EffectiveInformation:
        """EI of the macro TPM."""
        return EffectiveInformation(self._data["effective_information"], self._network)

    @property
    def phi(self) -> float:
        """Φ: what the least harmful cut of the micro units takes away."""
        return float(self._data["phi"])

    @property
    def cut(self) -> Optional[iit3.Cut]:
        """That cut; None where none was tried."""
        return iit3.cut_of(self._data["cut"], self._network)

    @property
    def ces(self) -> iit3.CauseEffectStructure:
        """The concepts of the macro units."""
        return iit3.CauseEffectStructure(self._data["ces"], self.network)

    @property
    def partitioned_ces(self) -> iit3.CauseEffectStructure:
        """The concepts under the cut."""
        return iit3.CauseEffectStructure(self._data["partitioned_ces"], self.network)

    def _shown(self) -> str:
        return f"Φ = {self.phi:.6g}, {self.grain._shown()}, {len(self._data['ces'])} concepts"


class MacroAnalysis(Answered):
    """A network on one grain, or on the grain of the largest Φ (IIT 3.0)."""

    __slots__ = ()

    @property
    def state(self) -> tuple[int, ...]:
        """The state of the network."""
        return tuple(self._content()["state"])

    @property
    def effective_information(self) -> EffectiveInformation:
        """EI of the TPM of the whole network."""
        return EffectiveInformation(self._content()["effective_information"], self._network)

    @property
    def found(self) -> Optional[MacroSystem]:
        """The macro system; None if no grain has Φ > 0."""
        found = self._content()["found"]
        return None if found is None else MacroSystem(found, self._network)

    @property
    def phi(self) -> float:
        """Its Φ; 0 if there is none."""
        return self._phi

    @property
    def grain(self) -> Optional[Grain]:
        """Its grain."""
        return None if self.found is None else self.found.grain

    @property
    def emergence(self) -> Optional[float]:
        """The largest Φ of all grains minus that of the micro units; None without a search."""
        found = self._searched("emergence")
        return None if found is None else float(found)

    @property
    def micro_phi(self) -> Optional[float]:
        """Φ of the micro units; None without a search."""
        found = self._searched("micro_phi")
        return None if found is None else float(found)

    @property
    def micro(self) -> Optional[tuple[int, ...]]:
        """The micro units of that Φ; None without a search."""
        found = self._searched("micro")
        return None if found is None else tuple(found)

    @property
    def n_grains(self) -> Optional[int]:
        """How many grains were tried; None without a search."""
        found = self._searched("n_grains")
        return None if found is None else int(found)

    def _searched(self, field: str) -> Any:
        return self._content().get("search", {}).get(field)

    def _shown(self) -> str:
        found = "no grain has Φ > 0" if self.found is None else self.found._shown()
        return found if self.emergence is None else f"emergence {self.emergence:.6g}, {found}"


def effective_info(network: Network, **given: Unpack[Options]) -> EffectiveInformation:
    """EI of the TPM of a network. It depends on no state. It takes 4ⁿ steps for n binary units;
    when ``time_limit`` is over, it raises ``TimeoutError``."""
    answer = _engine.effective_information(_checked(network)._native, options(given, network.size))
    return EffectiveInformation(json.loads(answer.json()), network)


def macro_phi(
    network: Network,
    state: Any = None,
    nodes: Optional[Units] = None,
    *,
    blackbox: Optional[Blackbox] = None,
    coarse_grain: Optional[CoarseGrain] = None,
    time_scale: int = 1,
    **given: Unpack[Options],
) -> MacroAnalysis:
    """Φ (IIT 3.0) of a network on one grain: in boxes, in groups, or in boxes whose outputs are in
    groups. With boxes, ``time_scale`` updates may be one step."""
    values, units = _place(network, state, nodes)
    boxes = groups = None
    if blackbox is not None:
        if not isinstance(blackbox, Blackbox):
            raise ArgumentError(f"blackbox: {shortened(blackbox)}, expected a Blackbox")
        outputs = _numbers(network, blackbox.output_indices, "outputs")
        boxes = _sets(network, blackbox, "boxes"), outputs
    if coarse_grain is not None:
        if not isinstance(coarse_grain, CoarseGrain):
            raise ArgumentError(f"coarse_grain: {shortened(coarse_grain)}, expected a CoarseGrain")
        groups = _sets(network, coarse_grain, "groups"), [list(it) for it in coarse_grain.off]
    if boxes is None and groups is None:
        raise refused("blackbox and coarse_grain: none, expected one of them")
    steps = _whole("time_scale", time_scale, 1, 1024)
    chosen = options(given, network.size, needs=limited(network._scale()))
    answer = _engine.on_grain(network._native, values, units, steps, boxes, groups, chosen)
    return MacroAnalysis._of(answer, network)


def emergence(
    network: Network,
    state: Any = None,
    nodes: Optional[Units] = None,
    *,
    blackbox: bool = False,
    time_scales: Iterable[int] = (1,),
    **given: Unpack[Options],
) -> MacroAnalysis:
    """The grain of the largest Φ (IIT 3.0), of all units of a network or of ``nodes``. All coarse
    grainings are tried; with ``blackbox`` black boxes too, at each of the ``time_scales``."""
    values, units = _place(network, state, nodes)
    asked = listed("time_scales", time_scales, 1024, "whole numbers")
    steps = [_whole("time_scales", it, 1, 1024) for it in asked]
    if steps != [1] and not blackbox:
        raise refused(f"time_scales: {steps}, expected blackbox=True with them")
    chosen = options(given, network.size, needs=limited(network._scale()))
    answer = _engine.best_grain(network._native, values, units, bool(blackbox), steps, chosen)
    return MacroAnalysis._of(answer, network)


# --- IIT 4.0 --------------------------------------------------------------------------------------

Part = Union[int, str, "Unit", Mapping[str, Any]]

#: The bits of the longest table that a unit may have.
MOST_BITS = 1 << 16


class Unit(Frozen):
    """A unit made of units: of those of a network, by number or label, or of such units again.
    ``grain`` updates of its parts are one of its own. One of ``coarse``, the numbers of ON parts
    for which it is ON; ``blackbox``, the parts by position that all are ON at the last update; and
    ``table``, a bit for each state of the parts over these updates, says when it is ON.
    ``apportioned`` is background that counts as its own.

    >>> Unit(["A", "B"], coarse=[2]).to_dict()
    {'parts': ['A', 'B'], 'grain': 1, 'mapping': {'coarse': [2]}, 'apportioned': []}
    """

    __slots__ = ("_fields",)
    _fields: str
    _what = "a unit"

    def __init__(
        self,
        parts: Iterable[Part],
        *,
        coarse: Optional[Iterable[int]] = None,
        blackbox: Optional[Iterable[int]] = None,
        table: Optional[Iterable[int]] = None,
        grain: int = 1,
        apportioned: Iterable[Union[int, str]] = (),
    ) -> None:
        mappings = {"coarse": coarse, "blackbox": blackbox, "table": table}
        chosen = {name: it for name, it in mappings.items() if it is not None}
        if len(chosen) != 1:
            named = ", ".join(chosen) or "none"
            raise refused(f"mapping: {named}, expected one of coarse, blackbox and table")
        ((name, of),) = chosen.items()
        try:
            mapping = {name: [_whole(name, it, 0, 1 << 32) for it in listed(name, of, MOST_BITS)]}
            fields = {
                "parts": [_part(it) for it in listed("parts", parts)],
                "grain": _whole("grain", grain, 1, 1 << 31),
                "mapping": mapping,
                "apportioned": [_part(it) for it in listed("apportioned", apportioned)],
            }
        except TypeError as error:
            raise ArgumentError(f"unit: {shortened(error)}") from None
        object.__setattr__(self, "_fields", json.dumps(fields, ensure_ascii=False))

    def to_dict(self) -> dict[str, Any]:
        """As a file of the program has it."""
        found: dict[str, Any] = json.loads(self._fields)
        return found

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Unit):
            return NotImplemented
        return self._fields == other._fields

    def __hash__(self) -> int:
        return hash(self._fields)

    def __reduce__(self) -> Any:
        return (_unit_of, (self.to_dict(),))

    def __repr__(self) -> str:
        return f"Unit({visible(_shown_unit(self.to_dict(), None))})"


def _unit_of(fields: Mapping[str, Any]) -> Unit:
    rest = {"grain": fields.get("grain", 1), "apportioned": fields.get("apportioned", ())}
    return Unit(fields["parts"], **fields["mapping"], **rest)


def _part(part: Part) -> Any:
    if isinstance(part, Unit):
        return part.to_dict()
    if isinstance(part, Mapping):
        # With what is left out, so that equal units are equal.
        known = {"parts", "mapping", "grain", "apportioned"}
        is_whole = isinstance(part.get("parts"), (list, tuple)) and set(part) <= known
        is_unit = is_whole and isinstance(part.get("mapping"), Mapping)
        return _unit_of(part).to_dict() if is_unit else dict(part)
    return part if isinstance(part, str) else _whole("unit", part, 0, 1 << 31)


class IntrinsicUnit(Record):
    """A unit of a system of IIT 4.0."""

    __slots__ = ()

    @property
    def parts(self) -> tuple[Union[int, IntrinsicUnit], ...]:
        """Its constituents: units of the network by number, or units again."""
        return tuple(
            it if isinstance(it, int) else IntrinsicUnit(it, self._network)
            for it in self._data["parts"]
        )

    @property
    def micro(self) -> tuple[int, ...]:
        """The units of the network within."""
        return tuple(sorted(_micro(self._data)))

    @property
    def grain(self) -> int:
        """How many updates of its parts are one of its own."""
        return int(self._data["grain"])

    @property
    def mapping(self) -> dict[str, list[int]]:
        """When it is ON: ``coarse``, ``blackbox`` or ``table``, as of ``Unit``."""
        return {name: list(it) for name, it in self._data["mapping"].items()}

    @property
    def apportioned(self) -> tuple[int, ...]:
        """Background that counts as its own."""
        return tuple(self._data["apportioned"])

    def _shown(self) -> str:
        return _shown_unit(self._data, self._network)


def _micro(fields: Mapping[str, Any]) -> list[int]:
    return [
        micro for it in fields["parts"] for micro in ([it] if isinstance(it, int) else _micro(it))
    ]


def _shown_unit(fields: Mapping[str, Any], network: Optional[Network]) -> str:
    def shown(part: Any) -> str:
        if isinstance(part, Mapping):
            return f"({_shown_unit(part, network)})"
        return str(part) if network is None or isinstance(part, str) else network.labels([part])[0]

    ((name, of),) = fields["mapping"].items()
    text = "{" + ",".join(map(shown, fields["parts"])) + "}"
    if len(fields["parts"]) > 1 or name != "table" or of != [0, 1]:
        text += f" {name} {of}"
    if fields.get("apportioned"):
        text += " with {" + ",".join(map(shown, fields["apportioned"])) + "}"
    grain = fields.get("grain", 1)
    return text if grain == 1 else f"{text} of {grain} updates"


class FoundSystem(Record):
    """A system of units with its φ_s."""

    __slots__ = ()

    @property
    def units(self) -> tuple[IntrinsicUnit, ...]:
        """Its units."""
        return tuple(IntrinsicUnit(it, self._network) for it in self._data["units"])

    @property
    def micro(self) -> tuple[int, ...]:
        """The units of the network within."""
        return tuple(sorted(micro for it in self._data["units"] for micro in _micro(it)))

    @property
    def phi(self) -> float:
        """φ_s in bits."""
        return float(self._data["phi_s"])

    phi_s = phi

    def _shown(self) -> str:
        units = " | ".join(it._shown() for it in self.units)
        return f"φ_s = {self.phi:.6g}, {units}"


class FoundSystems(Records[FoundSystem]):
    """Systems of units, largest φ_s first."""

    __slots__ = ()
    _kind = FoundSystem


class Verdict(Record):
    """Whether some parts make a valid unit."""

    __slots__ = ()

    @property
    def parts(self) -> tuple[Union[int, IntrinsicUnit], ...]:
        """The parts."""
        return tuple(
            it if isinstance(it, int) else IntrinsicUnit(it, self._network)
            for it in self._data["parts"]
        )

    @property
    def apportioned(self) -> tuple[int, ...]:
        """What is apportioned to the unit."""
        return tuple(self._data["apportioned"])

    @property
    def phi_s(self) -> float:
        """φ_s of the system of the parts."""
        return float(self._data["phi_s"])

    @property
    def best_competitor(self) -> Optional[float]:
        """The largest φ_s of another system within; None if there is none."""
        found = self._data["best_competitor"]
        return None if found is None else float(found)

    @property
    def validity(self) -> str:
        """``VALID``, ``NOT_INTEGRATED``, ``NOT_MAXIMAL`` or ``TIED``."""
        return str(self._data["validity"])

    @property
    def is_valid(self) -> bool:
        """Whether it is valid."""
        return self.validity == "VALID"

    def _shown(self) -> str:
        fields = {**self._data, "mapping": {"table": [0, 1]}, "grain": 1}
        parts = _shown_unit(fields, self._network).split(" table")[0]
        return f"{parts}, φ_s = {self.phi_s:.6g}, {self.validity}"


class Verdicts(Records[Verdict]):
    """What was tried as a unit."""

    __slots__ = ()
    _kind = Verdict


class _OfUnits(Answered):
    """An analysis of intrinsic units."""

    __slots__ = ()

    @property
    def history(self) -> tuple[tuple[int, ...], ...]:
        """States of the network, the oldest first."""
        return tuple(tuple(it) for it in self._content()["history"])

    @property
    def formalism(self) -> str:
        """``iit4-2023``, ``iit4-2026`` or ``iit4-2026-paper``."""
        return str(self._content()["formalism"])

    def _of_found(self) -> Any:
        return self._content()["found"]

    @property
    def units(self) -> tuple[IntrinsicUnit, ...]:
        """The units of the system, or of the complex with the largest φ_s."""
        found = self._of_found()
        return () if found is None else tuple(
            IntrinsicUnit(it, self._network) for it in found["units"]
        )

    @property
    def cause_tpm(self) -> Optional[Floats]:
        """T_c: by state of all units, for each P(ON)."""
        found = self._of_found()
        return None if found is None else _frozen(found["cause_tpm"])

    @property
    def effect_tpm(self) -> Optional[Floats]:
        """T_e: by state of all units, for each P(ON)."""
        found = self._of_found()
        return None if found is None else _frozen(found["effect_tpm"])

    @property
    def phi_structure(self) -> Optional[iit4.PhiStructure]:
        """Its Φ-structure, in which units are numbered as in ``units``."""
        found = self._of_found()
        if found is None:
            return None
        data = found["structure"]
        effect = Network(found["effect_tpm"], "full")
        return iit4.PhiStructure(data, effect, data["big_phi"])

    @property
    def phi(self) -> float:
        """Its φ_s; 0 if there is no complex."""
        return self._phi

    phi_s = phi


class IntrinsicSystem(_OfUnits):
    """Given units as a system of IIT 4.0."""

    __slots__ = ()

    @property
    def verdicts(self) -> Optional[Verdicts]:
        """Of the units that are not of the network, whether each is valid; None if that was not
        asked for."""
        found = self._content().get("verdicts")
        return None if found is None else Verdicts(found, self._network)

    def _shown(self) -> str:
        return f"φ_s = {self.phi:.6g}, " + " | ".join(it._shown() for it in self.units)


class Complexes(_OfUnits, Sequence[FoundSystem]):
    """The complexes of a network over its intrinsic units (IIT 4.0), largest φ_s first. ``units``,
    TPMs and ``phi_structure`` are of the first."""

    __slots__ = ()

    def _found_systems(self, field: str) -> FoundSystems:
        return FoundSystems(self._content()["search"][field], self._network)

    def __len__(self) -> int:
        return len(self._content()["search"]["complexes"])

    def __getitem__(self, index: Any) -> Any:
        return self._found_systems("complexes")[index]

    @property
    def major(self) -> Optional[FoundSystem]:
        """The one with the largest φ_s."""
        return self[0] if len(self) else None

    @property
    def tied(self) -> FoundSystems:
        """What would be a complex, did it not tie with another system."""
        return self._found_systems("tied")

    @property
    def verdicts(self) -> Verdicts:
        """What was tried as a unit, whatever its mapping and grain."""
        return Verdicts(self._content()["search"]["verdicts"], self._network)

    @property
    def n_units(self) -> int:
        """How many units are valid, those of the network included."""
        return int(self._content()["search"]["n_units"])

    @property
    def n_systems(self) -> int:
        """How many systems of them have a φ_s."""
        return int(self._content()["search"]["n_systems"])

    def __repr__(self) -> str:
        return "\n".join([f"Complexes of {len(self)}", *(f"  {it!r}" for it in self)])


def units(
    network: Network,
    units: Iterable[Part],
    history: Any = None,
    *,
    validity: bool = True,
    formalism: str = "iit4-2023",
    ties: str = "max-phi",
    micro_units: int = 4,
    grain: int = 1,
    depth: int = 1,
    mappings: str = "families",
    apportioned: int = 0,
    **given: Unpack[Options],
) -> IntrinsicSystem:
    """Units as a system of IIT 4.0: their TPMs, φ_s and Φ-structure, and with ``validity`` whether
    each of them is valid. ``history`` has the last states of the network, the oldest first, as many
    as the slowest unit takes; one state may be given by itself. What units compete with is within
    the bounds of ``complexes``.

    >>> import pyphi_core as pc
    >>> tpm = [[0.05, 0.05], [0.05, 0.06], [0.06, 0.05], [0.95, 0.95]]
    >>> found = pc.macro.units(pc.Network(tpm), [pc.macro.Unit([0, 1], coarse=[2])], (0, 0))
    >>> round(found.phi_s, 6), found.verdicts[0].validity
    (0.788334, 'VALID')
    """
    listed_units = listed("units", units)
    try:
        asked = [_part(it) for it in listed_units]
    except TypeError as error:
        raise ArgumentError(f"units: {shortened(error)}") from None
    bounds = (micro_units, grain, depth, mappings, apportioned)
    answer = _intrinsic(network, history, asked, bounds, validity, formalism, ties, given)
    return IntrinsicSystem._of(answer, network)


def complexes(
    network: Network,
    history: Any = None,
    *,
    formalism: str = "iit4-2023",
    ties: str = "max-phi",
    micro_units: int = 4,
    grain: int = 1,
    depth: int = 1,
    mappings: str = "families",
    apportioned: int = 0,
    **given: Unpack[Options],
) -> Complexes:
    """The complexes of a network over all valid units (IIT 4.0). Units of at most ``micro_units``
    units of the network are tried, of at most ``grain`` updates, made of units ``depth`` times,
    with all coarse grainings and black boxes (``mappings="families"``) or all tables of at most 8
    entries (``"exhaustive"``), and at most ``apportioned`` units of background. ``history`` is as
    of ``units``, of ``grain ** depth`` states."""
    bounds = (micro_units, grain, depth, mappings, apportioned)
    answer = _intrinsic(network, history, None, bounds, True, formalism, ties, given)
    return Complexes._of(answer, network)


def _intrinsic(
    network: Network,
    history: Any,
    units: Optional[list[Any]],
    bounds: tuple[Any, ...],
    validity: bool,
    formalism: str,
    ties: str,
    given: Any,
) -> _engine.Answer:
    micro_units, grain, depth, mappings, apportioned = bounds
    if formalism == "iit3":
        raise refused("formalism: 'iit3', expected one of IIT 4.0")
    size, scale = _checked(network).size, network._scale()
    chosen = options(given, size, formalism, ties, needs=limited(scale))
    if history is None:
        history = network.state
        if history is None:
            raise refused("history: missing, expected the last states of the network")
    items = listed("history", history, expected="the last states")
    is_list = bool(items) and isinstance(items[0], (str, list, tuple, np.ndarray))
    several = is_list and not isinstance(history, str)
    states = [list(network._state(it)) for it in (items if several else [history])]
    if not states:
        raise refused("history: no states, expected one at least")
    record = network.to_dict(states[-1])
    record.pop("nodes", None)
    record["history"] = states
    if units is not None:
        record["units"] = units
    limits = (
        _whole("micro_units", micro_units, 1, 16),
        _whole("grain", grain, 1, 16),
        _whole("depth", depth, 0, 6),
        str(mappings),
        _whole("apportioned", apportioned, 0, 16),
    )
    text = json.dumps(record, ensure_ascii=False)
    return _engine.intrinsic_units(text, limits, bool(validity), chosen)


def _checked(network: Any) -> Network:
    if not isinstance(network, Network):
        raise ArgumentError(f"network: {type(network).__name__}, expected a Network")
    return network


def _place(
    network: Any, state: Any, nodes: Optional[Units]
) -> tuple[bytes, Optional[Sequence[int]]]:
    """The state, and the units if some are asked for."""
    state = _checked(network).state if state is None else state
    if state is None:
        raise refused("state: missing, expected a value for each unit")
    units = network.nodes if nodes is None else network.indices(nodes)
    return network._state(state), units


def _numbers(network: Network, units: Iterable[Any], field: str) -> list[int]:
    return list(arguments.numbers(units, network.node_labels, network.size, field))


def _sets(network: Network, sets: _Sets, field: str) -> list[list[int]]:
    return [_numbers(network, it, field) for it in sets.partition]


def _whole(name: str, value: Any, least: int, most: int) -> int:
    """A whole number within bounds."""
    try:
        found = int(value.__index__())
    except (AttributeError, TypeError):
        raise ArgumentError(f"{name}: {shortened(value)}, expected a whole number") from None
    if not least <= found <= most:
        raise refused(f"{name}: {shortened(found)}, expected {least} to {most}")
    return found


def _frozen(rows: Any) -> Floats:
    found: Floats = np.array(rows, dtype=np.float64)
    found.flags.writeable = False
    return found
