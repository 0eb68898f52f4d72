"""Networks."""

from __future__ import annotations

import itertools
import json
import math
import operator
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Optional, Union

import numpy as np
from numpy.typing import NDArray

from . import _arguments as arguments
from . import _engine, _files
from ._arguments import Floats, Frozen, Units, listed, refused, visible
from ._files import Path

if TYPE_CHECKING:
    from ._pictures import Page

__all__ = ["Network"]

_FORMS = {
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".npy": "npy",
}


class Network(Frozen):
    """A network: its transition probabilities and its connections.

    Row ``s`` of a state-by-node ``tpm`` is the state at t (unit 0 in the lowest bit), and column
    ``j`` is P(unit ``j`` is ON at t+1). State-by-state arrays and arrays with an axis for each unit
    (``tpm[a, b, c]`` after unit 0 in state a, …) are taken, too. ``cm[i, j] = 1`` means i → j.

    >>> import pyphi_core as pc
    >>> network = pc.Network([[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> network.cm.tolist()
    [[0, 1], [1, 0]]

    Without ``cm`` the connections are those that the TPM has; ``cm="full"`` connects every unit
    with every unit, as PyPhi does. A ``cm`` that denies a dependence of the TPM is an error, unless
    ``force_cm`` averages over it. ``project`` takes the units' own probabilities of a
    state-by-state TPM whose units are not conditionally independent. ``row_order="big-endian"`` is
    for rows whose last unit is the lowest bit. What was guessed or rounded is in ``notes``;
    ``strict`` forbids it.

    Units of more than two values have an ``alphabet``, how many values each of them has, and
    perhaps ``values``, what these are called. Row ``s`` of ``tpm`` is then the state with the first
    unit fastest, and holds a distribution for each unit (as lists in a list, or all in one row), or
    the next value of each unit; or ``tpm`` is state-by-state, or has for each unit an array
    ``P[a, b, c, value]``, as PyPhi 2.0-dev has it.

    >>> network = pc.Network([[2, 0], [2, 1], [2, 1], [0, 0], [0, 0], [0, 1]], alphabet=(3, 2))
    >>> network.tpm[0].tolist()
    [0.0, 0.0, 1.0, 1.0, 0.0]
    """

    __slots__ = ("_native", "_tpm", "_cm", "_labels", "_alphabet", "_is_plain")
    _native: _engine.Network
    _tpm: Optional[Floats]
    _cm: Optional[NDArray[np.int8]]
    _labels: Optional[tuple[str, ...]]
    _alphabet: tuple[int, ...]
    #: Two values a unit, without names.
    _is_plain: bool
    _what = "a network"

    def __init__(
        self,
        tpm: Any,
        cm: Any = None,
        node_labels: Optional[Sequence[str]] = None,
        *,
        alphabet: Optional[Iterable[int]] = None,
        values: Optional[Sequence[Sequence[str]]] = None,
        name: Optional[str] = None,
        row_order: Optional[str] = None,
        force_cm: bool = False,
        project: bool = False,
        strict: bool = False,
    ) -> None:
        rows, connectivity = connections(cm)
        labels = None
        if node_labels is not None:
            labels = [_text("node_labels", it) for it in listed("node_labels", node_labels)]
        flags = (bool(strict), bool(force_cm), bool(project))
        name = None if name is None else _text("name", name)
        if alphabet is not None or values is not None:
            record = of_values(tpm, alphabet, values)
            named = {"name": name, "labels": labels}
            record.update({field: it for field, it in named.items() if it is not None})
            is_long = math.prod(record["alphabet"]) > 1 << 14
            text = _in_pieces(record) if is_long else json.dumps(record)
            natives = _engine.read(text.encode(), "json", "", connectivity, rows, row_order, flags)
            self._set(natives[0])
            return
        found = arguments.array("tpm", tpm)
        native = _engine.Network.of_array(
            found.tobytes(), found.shape, rows, connectivity, labels, name, row_order, flags
        )
        self._set(native)

    def _set(self, native: _engine.Network) -> None:
        labels = native.labels
        object.__setattr__(self, "_native", native)
        object.__setattr__(self, "_labels", None if labels is None else tuple(labels))
        object.__setattr__(self, "_alphabet", tuple(native.alphabet))
        is_plain = native.values is None and all(k == 2 for k in native.alphabet)
        object.__setattr__(self, "_is_plain", is_plain)
        object.__setattr__(self, "_tpm", None)
        object.__setattr__(self, "_cm", None)

    @classmethod
    def _of(cls, native: _engine.Network) -> Network:
        network = cls.__new__(cls)
        network._set(native)
        return network

    # --- Files ------------------------------------------------------------------------------------

    @classmethod
    def load(
        cls,
        path: Path,
        *,
        cm: Any = None,
        row_order: Optional[str] = None,
        force_cm: bool = False,
        project: bool = False,
        strict: bool = False,
    ) -> Network:
        """The network in a file: JSON of this package, of PyPhi 1.2 and 2.0-dev or of the web
        calculator, YAML, or a TPM as CSV or ``.npy``.

        What the file says of states and units is in ``states``, ``state`` and ``nodes``."""
        found = cls._load_all(path, cm, row_order, (force_cm, project, strict))
        if len(found) != 1:
            expected = "expected one: load_all reads several"
            raise refused(f"{os.fsdecode(path)}: {len(found)} networks, {expected}")
        return found[0]

    @classmethod
    def load_all(
        cls,
        path: Path,
        *,
        cm: Any = None,
        row_order: Optional[str] = None,
        force_cm: bool = False,
        project: bool = False,
        strict: bool = False,
    ) -> list[Network]:
        """The networks in a file: a list, JSON lines, several YAML documents, or one."""
        return cls._load_all(path, cm, row_order, (force_cm, project, strict))

    @classmethod
    def _load_all(
        cls, path: Path, cm: Any, row_order: Optional[str], given: tuple[Any, Any, Any]
    ) -> list[Network]:
        force_cm, project, strict = given
        place = visible(os.fsdecode(path))
        data = _files.read_bounded(path, _files.network_limit())
        ending = os.path.splitext(place)[1].lower()
        form = "npy" if data.startswith(b"\x93NUMPY") else _FORMS.get(ending)
        rows, connectivity = connections(cm)
        flags = (bool(strict), bool(force_cm), bool(project))
        natives = _engine.read(
            data, form or "json", place, connectivity, rows, row_order, flags
        )
        return [cls._of(it) for it in natives]

    @classmethod
    def from_json(cls, text: str) -> Network:
        """The network in a JSON text, in any form that ``load`` reads."""
        flags = (False, False, False)
        data = _text("text", text).encode()
        natives = _engine.read(data, "json", "text", "file", None, None, flags)
        if len(natives) != 1:
            raise refused(f"text: {len(natives)} networks, expected one")
        return cls._of(natives[0])

    def to_json(self, state: Any = None) -> str:
        """The network in the form of the program's files, in a state if one is given."""
        return self._native.json(None if state is None else self._state(state))

    def to_dict(self, state: Any = None) -> dict[str, Any]:
        """As ``to_json``, as plain Python."""
        found: dict[str, Any] = json.loads(self.to_json(state))
        return found

    def save(self, path: Path, state: Any = None) -> None:
        """Writes the network to a JSON file, whole or not at all, in a state if one is given. No link
        is followed."""
        _files.write_whole(path, self.to_json(state) + "\n")

    # --- What it is -------------------------------------------------------------------------------

    @property
    def tpm(self) -> Floats:
        """State-by-node: row s is the state at t (unit 0 in the lowest bit), column j is
        P(unit j is ON at t+1). Of units of more than two values, a row has the distributions of all
        units, one after the other."""
        if self._tpm is None:
            flat = np.frombuffer(self._native.tpm(), dtype=np.float64)
            object.__setattr__(self, "_tpm", flat.reshape(self.num_states, -1))
        assert self._tpm is not None
        return self._tpm

    @property
    def marginals(self) -> tuple[Floats, ...]:
        """For each unit its distribution after every state: ``P[a, b, c, value]``."""
        rows, sizes = self.tpm, self._alphabet
        if all(k == 2 for k in sizes):
            rows = np.stack([1 - rows, rows], axis=-1).reshape(self.num_states, -1)
        axes = (*reversed(range(self.size)), self.size)
        blocks = np.split(rows, np.cumsum(sizes)[:-1], axis=1)
        found = tuple(it.reshape(*sizes[::-1], -1).transpose(axes) for it in blocks)
        for it in found:
            it.flags.writeable = False
        return found

    @property
    def cm(self) -> NDArray[np.int8]:
        """``cm[i, j]`` is 1 for i → j."""
        if self._cm is None:
            flat = np.frombuffer(self._native.cm(), dtype=np.int8)
            object.__setattr__(self, "_cm", flat.reshape(self.size, self.size))
        assert self._cm is not None
        return self._cm

    @property
    def size(self) -> int:
        """The number of units."""
        return self._native.n

    @property
    def num_states(self) -> int:
        """The number of states."""
        return math.prod(self._alphabet)

    @property
    def alphabet(self) -> tuple[int, ...]:
        """The number of values of each unit."""
        return self._alphabet

    @property
    def values(self) -> Optional[tuple[tuple[str, ...], ...]]:
        """The names of the values of each unit, if they have names."""
        found = self._native.values
        return None if found is None else tuple(map(tuple, found))

    @property
    def node_indices(self) -> tuple[int, ...]:
        """The numbers of the units."""
        return tuple(range(self.size))

    @property
    def node_labels(self) -> Optional[tuple[str, ...]]:
        """The names of the units, if they have some."""
        return self._labels

    @property
    def name(self) -> Optional[str]:
        """The name, if there is one."""
        return self._native.name

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on what was guessed, converted or rounded when it was read."""
        return tuple(self._native.notes)

    @property
    def states(self) -> Union[str, tuple[tuple[int, ...], ...]]:
        """The states that its file asks about: a list, ``all`` or ``reachable``."""
        found = self._native.states
        return found if isinstance(found, str) else tuple(tuple(it) for it in found)

    @property
    def state(self) -> Optional[tuple[int, ...]]:
        """The state that its file asks about, if that is one."""
        found = self.states
        return found[0] if not isinstance(found, str) and len(found) == 1 else None

    @property
    def nodes(self) -> Optional[tuple[int, ...]]:
        """The units that its file asks about, if it names some."""
        found = self._native.nodes
        return None if found is None else tuple(found)

    def indices(self, units: Units) -> tuple[int, ...]:
        """The numbers of units given by numbers or labels."""
        return arguments.numbers(units, self._labels, self.size, "nodes")

    def labels(self, units: Sequence[int]) -> tuple[str, ...]:
        """The names of units: their labels, or their numbers."""
        return tuple(str(it) if self._labels is None else self._labels[it] for it in units)

    def all_states(self) -> Iterator[tuple[int, ...]]:
        """Every state, unit 0 fastest."""
        reversed_values = itertools.product(*(range(k) for k in reversed(self._alphabet)))
        for values in reversed_values:
            yield values[::-1]

    def _state(self, value: Any) -> bytes:
        """A state as the engine wants it."""
        if self._is_plain:
            return arguments.state(value)
        return arguments.state_of_values(value, self._native.values)

    def _scale(self, nodes: Optional[Sequence[int]] = None) -> int:
        """As many binary units have no fewer states than these, or all."""
        sizes = self._alphabet if nodes is None else [self._alphabet[it] for it in nodes]
        return (math.prod(sizes) - 1).bit_length()

    def explore(
        self,
        state: Any = None,
        nodes: Optional[Units] = None,
        formalism: Union[str, Iterable[str]] = ("iit3", "iit4-2023"),
        states: Optional[str] = None,
        ties: str = "max-phi",
        threads: Optional[int] = None,
    ) -> Page:
        """A page to look at the network, as ``phi explore`` makes it: units to switch, Φ in every
        state, complexes, and the structures in three dimensions. A notebook shows it, and it can be
        saved. It begins with ``state``. ``states`` is ``given``, ``reachable`` or ``all``; without
        it all states of up to 5 units are in the page."""
        from ._pictures import page

        return page(self, state, nodes, formalism, states, ties, threads)

    def __len__(self) -> int:
        return self.size

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Network):
            return NotImplemented
        return self._native.is_equal(other._native)

    def __hash__(self) -> int:
        return self._native.hash()

    def __reduce__(self) -> Any:
        return (Network.from_json, (self.to_json(),))

    def __repr__(self) -> str:
        name = "" if self.name is None else f"{self.name!r}, "
        labels = "" if self._labels is None else f", node_labels={list(self._labels)}"
        several = any(k > 2 for k in self._alphabet)
        alphabet = f", alphabet={self._alphabet}" if several else ""
        counts = f"{self.size} units, {int(self.cm.sum())} connections"
        return f"Network({name}{counts}{alphabet}{labels})"

    def _repr_html_(self) -> str:
        from ._pictures import graph, inline

        return inline(graph(self, None, range(self.size)))


def connections(cm: Any) -> tuple[Optional[list[bytes]], str]:
    """Rows of a matrix, or where connections come from instead."""
    if cm is None:
        return None, "file"
    if isinstance(cm, str):
        return None, cm
    return arguments.matrix(cm), "file"


def of_values(
    tpm: Any, alphabet: Optional[Iterable[int]], values: Optional[Sequence[Sequence[str]]]
) -> dict[str, Any]:
    """The network of these arguments as the fields of a file."""
    record: dict[str, Any] = {}
    if values is not None:
        expected = "the names of the values of each unit"
        names = [
            [_text("values", it) for it in listed("values", of_unit, 256, expected)]
            for of_unit in listed("values", values, expected=expected)
        ]
        record["values"] = names
        alphabet = [len(it) for it in names] if alphabet is None else alphabet
    try:
        sizes = [operator.index(it) for it in listed("alphabet", alphabet or ())]
    except TypeError:
        shown = arguments.shortened(alphabet)
        message = f"alphabet: {shown}, expected a number of values for each unit"
        raise arguments.ArgumentError(message) from None
    record["alphabet"] = sizes
    # What is no alphabet, the engine says.
    fits = sizes and all(2 <= k <= 256 for k in sizes)
    if not fits or math.prod(sizes) > arguments.MOST_ENTRIES:
        return {**record, "tpm": [[]], "row_order": "first-unit-fastest"}
    field, table = _table(tpm, sizes)
    record[field] = table
    if field != "marginals":
        record["row_order"] = "first-unit-fastest"
    return record


def _in_pieces(record: dict[str, Any]) -> str:
    """JSON with long tables in it, made piece by piece: between two of them Ctrl-C is heard."""

    def text(value: Any, depth: int) -> str:
        if depth == 0 or not isinstance(value, list):
            return json.dumps(value)
        return "[" + ",".join(text(it, 0 if len(value) > 256 else depth - 1) for it in value) + "]"

    return "{" + ",".join(f"{json.dumps(name)}:{text(it, 4)}" for name, it in record.items()) + "}"


def _table(tpm: Any, sizes: Sequence[int]) -> tuple[str, Any]:
    """A TPM of units with these numbers of values: the field of a file that it goes to, and what
    is in it."""
    n, states, k = len(sizes), math.prod(sizes), sizes[0]
    is_even = all(it == k for it in sizes)
    if not isinstance(tpm, np.ndarray) and not is_even and _depth(tpm) > 2:
        # Not an array, since units have different numbers of values.
        rows = list(itertools.islice(tpm, states + 1))
        if len(rows) == n:
            return "marginals", [_unit_table(rows[it], (*sizes, sizes[it]), it) for it in range(n)]
        if len(rows) != states or any(_depth(it) != 2 or len(it) != n for it in rows):
            raise _no_table(f"{len(rows)} items", sizes)
        units = [
            _unit_table([row[it] for row in rows], (states, sizes[it]), it) for it in range(n)
        ]
        return "tpm", [list(it) for it in zip(*units)]
    found = arguments.array("tpm", tpm)
    bad = np.argwhere(~np.isfinite(found))
    if len(bad):
        place = tuple(int(it) for it in bad[0])
        value = found[place]
        raise refused(f"tpm: at {place}: {value}, expected a probability", "NotAProbability")
    shape = found.shape
    if shape == (states, n) and (k > 2 or not is_even):
        return "next", found.tolist()
    # Two units of two values have as many states as values.
    is_by_state = shape == (states, states) and bool(np.allclose(found.sum(axis=1), 1))
    if shape == (states, sum(sizes)) and (n == 1 or not is_by_state):
        ends = list(itertools.accumulate(sizes))
        cells = found.tolist()
        return "tpm", [[row[end - k : end] for end, k in zip(ends, sizes)] for row in cells]
    forms: list[tuple[int, ...]] = [(states, n), (states, states)]
    if is_even:
        if shape == (n, *sizes, k):
            return "marginals", found.tolist()
        forms += [(states, n, k)]
    if is_even and k == 2:
        forms += [(*sizes, n)]
    if shape not in forms:
        raise _no_table(f"an array of shape {shape}", sizes)
    return "tpm", found.tolist()


def _unit_table(values: Any, shape: tuple[int, ...], unit: int) -> Any:
    """The distributions of one unit, as lists."""
    found = arguments.array(f"tpm: unit {unit}", values)
    if found.shape != shape:
        raise refused(f"tpm: unit {unit}: an array of shape {found.shape}, expected {shape}")
    bad = np.argwhere(~np.isfinite(found))
    if len(bad):
        place = tuple(int(it) for it in bad[0])
        message = f"tpm: unit {unit}: at {place}: {found[place]}, expected a probability"
        raise refused(message, "NotAProbability")
    return found.tolist()


def _no_table(found: str, sizes: Sequence[int]) -> Exception:
    states, alphabet = math.prod(sizes), "(" + ",".join(map(str, sizes)) + ")"
    forms = f"a distribution for each unit, {len(sizes)} next values or {states} probabilities"
    expected = f"expected {states} rows (alphabet {alphabet}), in each of them {forms}"
    return refused(f"tpm: {found}, {expected}", "TpmRows")


def _depth(value: Any) -> int:
    """The depth to which lists are nested."""
    depth = 0
    while isinstance(value, (list, tuple)) and value:
        value, depth = value[0], depth + 1
    return depth + (value.ndim if isinstance(value, np.ndarray) else 0)


def _text(field: str, value: Any) -> str:
    if not isinstance(value, str):
        shown = arguments.shortened(value)
        raise arguments.ArgumentError(f"{field}: {shown}, expected text")
    try:
        value.encode()
    except UnicodeEncodeError:
        shown = arguments.shortened(value)
        raise refused(f"{field}: {shown}, expected text that UTF-8 can hold") from None
    return value
