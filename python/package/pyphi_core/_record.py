"""Results: immutable, made of the record that the program writes as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, Optional, TypeVar, Union, overload

from ._arguments import Floats, Frozen, shaped, visible

if TYPE_CHECKING:
    from typing_extensions import Self

    from . import _engine
    from ._network import Network

__all__ = [
    "Answered",
    "OfMechanism",
    "OfNetwork",
    "OfSystem",
    "OverPurview",
    "Part",
    "Partition",
    "Record",
    "Records",
]


def _dumps(data: Any) -> str:
    """JSON as the program writes it."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


class Record(Frozen):
    """A part of a result. It does not change; it can be compared, hashed, copied and pickled, and
    ``to_dict()`` and ``to_json()`` are what the program writes."""

    __slots__ = ("_data", "_network")
    _data: Any
    _network: Network
    _what = "a result"

    def __init__(self, data: Any, network: Network) -> None:
        object.__setattr__(self, "_data", data)
        object.__setattr__(self, "_network", network)

    def _content(self) -> Any:
        return self._data

    def to_json(self) -> str:
        """This as JSON, with the fields of the program ``phi``."""
        return _dumps(self._content())

    def to_dict(self) -> Any:
        """As ``to_json``, as plain Python."""
        return json.loads(self.to_json())

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        assert isinstance(other, Record)
        return bool(self._content() == other._content())

    def __hash__(self) -> int:
        return hash((type(self).__name__, self.to_json()))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        return self

    def __reduce__(self) -> Any:
        return (type(self), (self._content(), self._network))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({visible(self._shown())})"

    def _shown(self) -> str:
        return ""

    # --- For subclasses ---------------------------------------------------------------------------

    def _labels(self, units: Sequence[int]) -> tuple[str, ...]:
        return self._network.labels(units)

    def _set(self, units: Sequence[int]) -> str:
        return "{" + ",".join(self._labels(units)) + "}"

    def _repertoire(self, flat: Any, purview: Sequence[int]) -> Floats:
        return shaped(flat, purview, self._network.alphabet)


class Answered(Record):
    """A result as a whole. Its record is made when it is first asked for."""

    __slots__ = ("_answer", "_phi", "_stop", "_text")
    _answer: Optional[_engine.Answer]
    _text: Optional[str]
    _phi: float
    _stop: str

    def __init__(
        self,
        data: Any,
        network: Network,
        phi: float = float("nan"),
        stop_reason: str = "complete",
        answer: Optional[_engine.Answer] = None,
        text: Optional[str] = None,
    ) -> None:
        object.__setattr__(self, "_data", data)
        object.__setattr__(self, "_text", text)
        object.__setattr__(self, "_network", network)
        object.__setattr__(self, "_phi", phi)
        object.__setattr__(self, "_stop", stop_reason)
        object.__setattr__(self, "_answer", answer)

    @classmethod
    def _of(cls, answer: _engine.Answer, network: Network) -> Self:
        return cls(None, network, answer.phi, answer.stop_reason, answer)

    def _content(self) -> Any:
        if self._data is None:
            object.__setattr__(self, "_data", json.loads(self.to_json()))
        return self._data

    def to_json(self) -> str:
        """This as JSON, as the program ``phi`` writes it."""
        # In this order: another thread may set the one and then take the other away.
        answer, text = self._answer, self._text
        if text is None:
            text = _dumps(self._data) if answer is None else answer.json()
            object.__setattr__(self, "_text", text)
            object.__setattr__(self, "_answer", None)
        return text

    def __reduce__(self) -> Any:
        return (type(self), (None, self._network, self._phi, self._stop, None, self.to_json()))

    @property
    def network(self) -> Network:
        """The network."""
        return self._network

    @property
    def exact(self) -> bool:
        """False if the analysis was stopped, or uses an approximation."""
        return bool(self._content().get("exact", self._stop == "complete"))

    @property
    def stop_reason(self) -> str:
        """``complete``, or what stopped the analysis."""
        return self._stop


T = TypeVar("T", bound=Record)


class Records(Frozen, Sequence[T], Generic[T]):
    """Some records in their order."""

    __slots__ = ("_data", "_network")
    _data: Sequence[Any]
    _network: Network
    _what = "a result"
    #: What each of them is.
    _kind: type[T]

    def __init__(self, data: Sequence[Any], network: Network) -> None:
        object.__setattr__(self, "_data", data)
        object.__setattr__(self, "_network", network)

    def __len__(self) -> int:
        return len(self._data)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: Union[int, slice]) -> Any:
        if isinstance(index, slice):
            return type(self)(self._data[index], self._network)
        return self._kind(self._data[index], self._network)

    def __iter__(self) -> Iterator[T]:
        return (self._kind(it, self._network) for it in self._data)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        assert isinstance(other, Records)
        return bool(self._data == other._data)

    def __hash__(self) -> int:
        return hash((type(self).__name__, self.to_json()))

    def __reduce__(self) -> Any:
        return (type(self), (self._data, self._network))

    def to_json(self) -> str:
        """These as a JSON list."""
        return _dumps(list(self._data))

    def to_dict(self) -> list[Any]:
        """As ``to_json``, as plain Python."""
        found: list[Any] = json.loads(self.to_json())
        return found

    def to_pandas(self) -> Any:
        """A row for each, as a DataFrame: needs pandas."""
        return frame(self._rows())

    def _rows(self) -> list[dict[str, Any]]:
        return [dict(it) for it in self._data]

    def __repr__(self) -> str:
        return self._listed(type(self).__name__)

    def _listed(self, name: str) -> str:
        lines = [f"{name} of {len(self)}"]
        most = 32
        lines += [f"  {self[it]!r}" for it in range(min(len(self), most))]
        if len(self) > most:
            lines.append(f"  … and {len(self) - most} more")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from ._draw import table

        return table(self._rows())


class Listed(Answered, Sequence[T], Generic[T]):
    """A result as a whole that is a list of records."""

    __slots__ = ()

    def _records(self) -> Records[T]:
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self._records())

    def __getitem__(self, index: Any) -> Any:
        return self._records()[index]

    def to_pandas(self) -> Any:
        """A row for each, as a DataFrame: needs pandas."""
        return self._records().to_pandas()

    def __repr__(self) -> str:
        return self._records()._listed(type(self).__name__)

    def _repr_html_(self) -> str:
        return self._records()._repr_html_()


def frame(rows: list[dict[str, Any]]) -> Any:
    """A DataFrame of rows."""
    try:
        import pandas
    except ImportError:
        raise ImportError("to_pandas needs pandas: pip install pandas") from None
    return pandas.DataFrame(rows)


class Part(Record):
    """One part of a partition of a mechanism: units of the mechanism with units of the purview."""

    __slots__ = ()

    @property
    def mechanism(self) -> tuple[int, ...]:
        """Units of the mechanism."""
        return tuple(self._data["mechanism"])

    @property
    def purview(self) -> tuple[int, ...]:
        """Units of the purview."""
        return tuple(self._data["purview"])

    def _shown(self) -> str:
        return f"{self._set(self.mechanism)}/{self._set(self.purview)}"


class Partition(Records[Part]):
    """A partition of a mechanism with its purview: its parts. An empty one divides nothing."""

    __slots__ = ()
    _kind = Part

    def __repr__(self) -> str:
        return visible(" × ".join(it._shown() for it in self)) or "none"


class OverPurview(Record):
    """The analysis of a mechanism over one purview, in one direction."""

    __slots__ = ()

    @classmethod
    def _over(
        cls, direction: str, mechanism: Sequence[int], record: Any, network: Network
    ) -> Self:
        return cls({"direction": direction, "mechanism": mechanism, "record": record}, network)

    @property
    def direction(self) -> str:
        """``cause`` or ``effect``."""
        return str(self._data["direction"])

    @property
    def mechanism(self) -> tuple[int, ...]:
        """Units of the mechanism."""
        return tuple(self._data["mechanism"])

    @property
    def purview(self) -> tuple[int, ...]:
        """Units of the purview."""
        return tuple(self._data["record"]["purview"])

    def _content(self) -> Any:
        return self._data["record"]

    def __reduce__(self) -> Any:
        return (type(self), (self._data, self._network))


P = TypeVar("P", bound=OverPurview)


class OfMechanism(Answered, Generic[P]):
    """One mechanism over its purviews."""

    __slots__ = ()
    _kind: type[P]

    @property
    def mechanism(self) -> tuple[int, ...]:
        """Units of the mechanism."""
        return tuple(self._content()["mechanism"])

    def _side(self, direction: str) -> list[P]:
        mechanism, found = self._content()["mechanism"], self._content().get(direction) or []
        return [self._kind._over(direction, mechanism, it, self._network) for it in found]

    @property
    def causes(self) -> list[P]:
        """Its causes."""
        return self._side("cause")

    @property
    def effects(self) -> list[P]:
        """Its effects."""
        return self._side("effect")

    def _shown(self) -> str:
        sides = f"{len(self.causes)} causes, {len(self.effects)} effects"
        return f"{self._set(self.mechanism)}, {sides}"


class OfSystem(Answered):
    """An analysis of a system."""

    __slots__ = ()

    @property
    def nodes(self) -> tuple[int, ...]:
        """The units of the system."""
        return tuple(self._content()["nodes"])

    node_indices = nodes

    @property
    def state(self) -> tuple[int, ...]:
        """The state of the whole network."""
        return tuple(self._content()["state"])

    def _severed(self) -> Sequence[tuple[int, int]]:
        raise NotImplementedError

    def _rows(self) -> Optional[list[dict[str, Any]]]:
        return None

    def to_svg(self) -> str:
        """The network as a drawing: dashed and struck through is what the partition severs."""
        from ._pictures import graph

        return graph(self._network, self.state, self.nodes, self._severed())

    def _repr_html_(self) -> str:
        from ._draw import system

        return system(self._shown(), self.to_svg(), self._rows())


S = TypeVar("S", bound=OfSystem)


class OfNetwork(Answered, Sequence[S], Generic[S]):
    """The complexes of a network, the major complex first."""

    __slots__ = ()

    def _make(self, data: Any) -> S:
        raise NotImplementedError

    def _rows(self) -> list[dict[str, Any]]:
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self._content()["complexes"])

    def __getitem__(self, index: Any) -> Any:
        found = self._content()["complexes"][index]
        return [self._make(it) for it in found] if isinstance(index, slice) else self._make(found)

    def __iter__(self) -> Iterator[S]:
        return (self._make(it) for it in self._content()["complexes"])

    @property
    def major(self) -> Optional[S]:
        """The one with the largest Φ; of IIT 4.0 with the largest φ_s."""
        return self[0] if len(self) else None

    def __repr__(self) -> str:
        return "\n".join([f"Complexes of {len(self)}", *(f"  {it!r}" for it in self)])

    def to_pandas(self) -> Any:
        """A row for each, as a DataFrame: needs pandas."""
        return frame(self._rows())

    def _repr_html_(self) -> str:
        from ._draw import table

        return table(self._rows())
