"""Drawings and pages that the code of the program makes: they show the same as its files."""

from __future__ import annotations

import os
from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING, Any, Optional, Union

from . import _engine
from ._arguments import ArgumentError, Frozen, Units, listed, refused, shortened
from ._files import Path, write_whole
from ._options import FORMALISMS, options

if TYPE_CHECKING:
    from ._network import Network
    from ._record import OfSystem

__all__ = ["Page", "Picture"]


class _Text(Frozen):
    """A text that a notebook shows."""

    __slots__ = ("_text",)
    _text: str
    _ending = ""

    def __init__(self, text: str) -> None:
        object.__setattr__(self, "_text", text)

    def save(self, path: Path) -> None:
        """Writes it to a file, whole or not at all, anew if there is one; no link is followed."""
        if not os.fspath(path).endswith(self._ending):
            shown = shortened(os.fspath(path))
            raise ArgumentError(f"path: {shown}, expected one that ends with {self._ending}")
        write_whole(path, self._text)

    def __str__(self) -> str:
        return self._text

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        assert isinstance(other, _Text)
        return self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> Any:
        return (type(self), (self._text,))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self._text)} characters)"


class Picture(_Text):
    """A drawing, as SVG. ``str()`` is the SVG, ``save("figure.svg")`` writes it; a notebook shows
    it. The program's ``phi draw`` makes PNG and PDF as well."""

    __slots__ = ()
    _what = "a picture"
    _ending = ".svg"

    def _repr_svg_(self) -> str:
        return self._text


class Page(_Text):
    """A page to look at a network, which needs nothing else. ``str()`` is its HTML,
    ``save("page.html")`` writes it; a notebook shows it in a frame of its own."""

    __slots__ = ()
    _what = "a page"
    _ending = ".html"

    def _repr_html_(self) -> str:
        # Its script reaches nothing of the notebook. In the page itself names are escaped already.
        return (
            f'<iframe srcdoc="{escape(self._text)}" sandbox="allow-scripts" width="100%"'
            ' height="900" style="border: 0" title="network"></iframe>'
        )


def picture(
    system: OfSystem,
    show: Union[str, Iterable[str], None],
    dark: bool,
    formalism: str,
    ties: str,
    given: Any,
) -> Picture:
    """The drawings of a system. ``given`` are options of the analysis behind them."""
    if show is None:
        show = ()
    kinds = [show] if isinstance(show, str) else listed("show", show, expected="names")
    if not all(isinstance(it, str) for it in kinds):
        raise ArgumentError(f"show: {shortened(show)}, expected names")
    chosen = options(given, system.network.size, formalism, ties)
    native, state = system.network._native, system.network._state(system.state)
    return Picture(
        _engine.drawing(native, state, list(system.nodes), kinds, bool(dark), chosen)
    )


def graph(
    network: Network,
    state: Optional[Iterable[int]],
    nodes: Iterable[int],
    severed: Iterable[tuple[int, int]] = (),
) -> str:
    """Units and connections as SVG, without an analysis; dashed and struck through is what a
    partition severs."""
    edges = list(severed)
    name = network.name or "network"
    title = name if state is None else f"{name} in state ({','.join(map(str, state))})"
    said = "dashed and struck through: severed by the partition" if edges else ""
    shown = b"" if state is None else bytes(state)
    return _engine.graph(network._native, title, shown, list(nodes), edges, said)


def inline(svg: str) -> str:
    """An SVG file as a part of HTML."""
    return svg[svg.index("<svg") :]


def page(
    network: Network,
    state: Any,
    nodes: Optional[Units],
    formalism: Union[str, Iterable[str]],
    states: Optional[str],
    ties: str,
    threads: Optional[int],
) -> Page:
    """The page of a network."""
    if state is None:
        state = network.state
        if state is None:
            state = (0,) * network.size
    asked = (
        [formalism]
        if isinstance(formalism, str)
        else listed("formalism", formalism, expected="names")
    )
    unknown = [it for it in asked if it not in FORMALISMS]
    iit4 = [it for it in asked if it != "iit3"]
    if unknown or not asked or len(iit4) > 1:
        expected = f"one of {', '.join(FORMALISMS)}, or iit3 and one of the others"
        raise refused(f"formalism: {shortened(formalism)}, expected {expected}")
    if states is not None and not isinstance(states, str):
        raise ArgumentError(f"states: {shortened(states)}, expected a name")
    chosen = options({"threads": threads}, network.size, (iit4 or asked)[0], ties)
    units = None if nodes is None else list(network.indices(nodes))
    html = _engine.page(
        network._native, network._state(state), units, "iit3" in asked, states, chosen
    )
    return Page(html)
