"""Arrays, states and units as people write them, converted for the engine."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Optional, Union

import numpy as np
from numpy.typing import NDArray

from . import _engine
from ._engine import InputError

__all__ = ["ArgumentError", "Floats", "Unit", "Units"]

Floats = NDArray[np.float64]

#: A unit, by its number or by its label.
Unit = Union[int, str]

#: Units, each by its number or by its label; one string is the label of one unit.
Units = Union[Iterable[Unit], int, str]

#: A state-by-state TPM of 12 units has as many entries.
MOST_ENTRIES = 1 << 24


#: More units, or names of them, than any network has.
MANY = 64


def visible(text: str) -> str:
    """A text for a terminal, by the rule of the program: what is hidden, or moves what is seen, is
    written out."""
    return _engine.terminal(text.encode("utf-8", "backslashreplace").decode())


class ArgumentError(TypeError):
    """An argument is of a type that makes no sense: the message names it and what was expected."""

    def __init__(self, message: str) -> None:
        super().__init__(visible(message))


class Frozen:
    """An object that does not change once it is made."""

    __slots__ = ()
    #: What it is, for errors.
    _what: ClassVar[str]

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{name}: {self._what} does not change")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{name}: {self._what} does not change")


def refused(message: str, kind: str = "Input") -> InputError:
    """The exception for what makes no sense."""
    error = InputError(visible(message))
    error.kind = kind
    return error


def array(name: str, value: Any) -> Floats:
    """A contiguous array of real numbers or truth values."""
    return converted(checked(name, value, MOST_ENTRIES))


def converted(value: NDArray[Any]) -> Floats:
    """Numbers as the engine has them, without gaps."""
    with np.errstate(all="ignore"):
        return np.ascontiguousarray(value, dtype=np.float64)


def checked(name: str, value: Any, most: int) -> NDArray[Any]:
    """An array of at most so many real numbers or truth values."""
    expected = "expected an array of numbers"
    if isinstance(value, np.ma.MaskedArray) and np.any(value.mask):
        raise refused(f"{name}: a masked array with hidden entries, {expected}")
    try:
        found = np.asarray(value)
    except Exception as error:  # Whatever __array__ raises, and ragged lists.
        raise ArgumentError(f"{name}: {shortened(error)}, {expected}") from error
    if found.dtype.kind not in "biuf":
        raise ArgumentError(f"{name}: an array of {found.dtype}, {expected}")
    if found.size > most:
        raise refused(f"{name}: {found.size} entries, expected at most {most}")
    return found


def shortened(what: object, most: int = 120) -> str:
    """The text of a value, shortened."""
    try:
        text = str(what)
    except Exception:  # A number that is too long to be written, or a faulty __str__.
        text = type(what).__name__
    return text if len(text) <= most else text[: most - 1] + "…"


def listed(name: str, value: Any, most: int = MANY, expected: str = "a list") -> list[Any]:
    """The items of what should be no longer than ``most``, even if there is no end of them."""
    try:
        found = list(itertools.islice(value, most + 1))
    except TypeError:
        raise ArgumentError(f"{name}: {shortened(value)}, expected {expected}") from None
    if len(found) > most:
        raise refused(f"{name}: more than {most} items, expected {expected}")
    return found


def matrix(cm: Any) -> list[bytes]:
    """A connectivity matrix as rows of 0 and 1."""
    found = array("cm", cm)
    if found.ndim != 2:
        raise refused(f"cm: {found.ndim} dimensions, expected 2")
    wrong = np.argwhere((found != 0) & (found != 1))
    if len(wrong):
        row, column = (int(it) for it in wrong[0])
        value = shortened(found[row, column])
        raise refused(f"cm: row {row}, column {column}: {value}, expected 0 or 1", "CmEntry")
    return [row.tobytes() for row in found.astype(np.uint8)]


def state(value: Any) -> bytes:
    """A state of binary units, unit 0 first: a byte for each unit."""
    expected = "expected a 0 or 1 for each unit, as in (1, 0, 0)"
    if isinstance(value, str):
        digits = value.translate({ord(it): None for it in "(), []"})
        if not digits or set(digits) - {"0", "1"}:
            raise refused(f"state: {shortened(value)!r}, {expected}")
        return bytes(map(int, digits))
    try:
        # More values than any network has units are too many, even if there is no end of them.
        return bytes(map(operator.index, itertools.islice(value, MANY + 1)))
    except ValueError:
        raise refused(f"state: {shortened(value)}, {expected}", "StateValue") from None
    except (TypeError, OverflowError):
        found = array("state", value)
    if found.ndim != 1 or len(found) > MANY or not np.isin(found, (0, 1)).all():
        raise refused(f"state: {shortened(value)}, {expected}", "StateValue")
    return found.astype(np.uint8).tobytes()


def state_of_values(value: Any, names: Optional[Sequence[Sequence[str]]]) -> bytes:
    """As ``state``, of units of more than two values, or of values with ``names``. Which values a
    unit has, the engine knows."""
    expected = "expected the value of each unit, as in (2, 0, 1)"
    if isinstance(value, str):
        text = value.strip().strip("()[]")
        parts = text.split(",") if "," in text else text.split() if " " in text else list(text)
        value = [it.strip() for it in parts]
    try:
        values = list(itertools.islice(value, MANY + 1))
    except TypeError:
        raise ArgumentError(f"state: {shortened(value)}, {expected}") from None

    def number(unit: int, item: Any) -> int:
        own: Sequence[str] = () if names is None or unit >= len(names) else names[unit]
        if isinstance(item, str):
            return list(own).index(item) if item in own else int(item)
        try:
            return operator.index(item)
        except TypeError:
            found = float(item)
            if not found.is_integer():
                raise ValueError(item) from None
            return int(found)

    try:
        return bytes(number(unit, item) for unit, item in enumerate(values))
    except (ValueError, TypeError, OverflowError):
        raise refused(f"state: {shortened(value)}, {expected}", "StateValue") from None


def unit(value: Any, labels: Optional[Sequence[str]], field: str) -> int:
    """The number of a unit."""
    if isinstance(value, str):
        if labels is None:
            raise refused(
                f"{field}: no unit {value!r}, expected a number: the units have no labels"
            )
        if value not in labels:
            shown = ", ".join(labels)
            raise refused(f"{field}: no unit {value!r}, expected one of {shown}", "NoSuchUnit")
        return list(labels).index(value)
    try:
        return operator.index(value)
    except TypeError:
        message = f"{field}: {shortened(value)}, expected the number or the label of a unit"
        raise ArgumentError(message) from None


def numbers(value: Any, labels: Optional[Sequence[str]], n: int, field: str) -> tuple[int, ...]:
    """Units by their numbers, in increasing order."""
    if isinstance(value, (int, str, np.integer)):
        value = (value,)
    values = listed(field, value, expected="units by number or label")
    found = [unit(it, labels, field) for it in values]
    for it in found:
        if not 0 <= it < n:
            raise refused(f"{field}: no unit {it}, expected 0 to {n - 1}", "NoSuchUnit")
    if len(set(found)) < len(found):
        twice = next(it for it in found if found.count(it) > 1)
        raise refused(f"{field}: unit {twice} is named twice", "DuplicateUnit")
    return tuple(sorted(found))


def mask(units: Iterable[int]) -> int:
    """Units as the bits of a number."""
    bits = 0
    for it in units:
        bits |= 1 << it
    return bits


def members(bits: int) -> tuple[int, ...]:
    """The units whose bits are set."""
    return tuple(it for it in range(bits.bit_length()) if bits >> it & 1)


def shaped(flat: Any, purview: Sequence[int], alphabet: Sequence[int]) -> Floats:
    """A repertoire as PyPhi shapes it: an axis for each unit of the network, with its values for
    those of the purview and of length 1 for the others. The first unit is fastest in ``flat``."""
    shape = [k if it in purview else 1 for it, k in enumerate(alphabet)]
    found: Floats = np.array(flat, dtype=np.float64).reshape(shape, order="F")
    found.flags.writeable = False
    return found
