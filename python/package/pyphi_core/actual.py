"""Actual causation: what caused what in a transition (Albantakis, Marshall, Hoel, Tononi 2019)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Optional

from . import _arguments as arguments
from . import _engine
from ._arguments import ArgumentError, Units, mask, refused, shortened
from ._network import Network
from ._options import limited, options
from ._record import Answered, Listed, Partition, Record, Records

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._options import Options

__all__ = [
    "Account",
    "CausalLink",
    "CausalLinks",
    "Event",
    "Events",
    "Irreducibility",
    "Nexus",
    "NexusTransition",
    "Transition",
    "causal_nexus",
    "extrinsic_events",
    "nexus",
    "true_events",
]


class CausalLink(Record):
    """An occurrence with its actual cause or its actual effect."""

    __slots__ = ()

    @property
    def direction(self) -> str:
        """``cause`` or ``effect``."""
        return str(self._data["direction"])

    @property
    def mechanism(self) -> tuple[int, ...]:
        """Units of the occurrence."""
        return tuple(self._data["mechanism"])

    @property
    def alpha(self) -> float:
        """α in bits."""
        return float(self._data["alpha"])

    @property
    def purview(self) -> tuple[int, ...]:
        """Units of the actual cause or effect, the first of ``purviews``."""
        return tuple(self._data["purviews"][0])

    @property
    def purviews(self) -> tuple[tuple[int, ...], ...]:
        """The candidates of this α that have no part of the same α."""
        return tuple(tuple(it) for it in self._data["purviews"])

    @property
    def undetermined(self) -> bool:
        """True if these are several."""
        return bool(self._data["undetermined"])

    @property
    def probability(self) -> float:
        """The probability of the state of the first purview, given the occurrence."""
        return float(self._data["probability"])

    @property
    def unconstrained(self) -> float:
        """The same without knowledge of the occurrence."""
        return float(self._data["unconstrained"])

    @property
    def partition(self) -> Partition:
        """A partition that takes α away."""
        return Partition(self._data["partition"], self._network)

    def _shown(self) -> str:
        arrow = "<-" if self.direction == "cause" else "->"
        sides = f"{self._set(self.mechanism)} {arrow} {self._set(self.purview)}"
        return f"{sides}, α = {self.alpha:.6g}"


class CausalLinks(Records[CausalLink]):
    """The causal links of an account: causes, then effects."""

    __slots__ = ()
    _kind = CausalLink

    def _rows(self) -> list[dict[str, Any]]:
        labels = self._network.labels
        return [
            {
                "direction": it.direction,
                "mechanism": ",".join(labels(it.mechanism)),
                "purview": ",".join(labels(it.purview)),
                "alpha": it.alpha,
                "undetermined": it.undetermined,
            }
            for it in self
        ]


class Irreducibility(Record):
    """𝒜: how irreducible an account, or one of its directions, is."""

    __slots__ = ()

    @property
    def value(self) -> float:
        """𝒜 in bits."""
        return float(self._data["A"])

    @property
    def partition(self) -> Partition:
        """The partition that takes least away."""
        return Partition(self._data["partition"], self._network)

    @property
    def severed(self) -> tuple[tuple[int, int], ...]:
        """The connections that it severs, from a unit before to a unit after."""
        return tuple((u, v) for u, v in self._data["severed"])

    @property
    def reason(self) -> Optional[str]:
        """The reason why no partition was tried; None if one was."""
        found: Optional[str] = self._data["reason"]
        return found

    def _shown(self) -> str:
        return f"𝒜 = {self.value:.6g}"


class Account(Answered):
    """The account of a transition: what caused what."""

    __slots__ = ()

    @property
    def links(self) -> CausalLinks:
        """The causal links: causes, then effects."""
        return CausalLinks(self._content()["links"], self._network)

    @property
    def causes(self) -> CausalLinks:
        """The links of occurrences with actual causes."""
        found = [it for it in self._content()["links"] if it["direction"] == "cause"]
        return CausalLinks(found, self._network)

    @property
    def effects(self) -> CausalLinks:
        """The links of occurrences with actual effects."""
        found = [it for it in self._content()["links"] if it["direction"] == "effect"]
        return CausalLinks(found, self._network)

    @property
    def sum_alpha(self) -> float:
        """The sum of α over the links, in bits."""
        return float(self._content()["sum_alpha"])

    @property
    def probability(self) -> float:
        """P(the effects are as they are after | all units before)."""
        return float(self._content()["transition_probability"])

    def irreducibility(self, direction: str = "bi") -> Irreducibility:
        """𝒜 of the account (``bi``), of its causes (``cause``) or of its effects (``effect``)."""
        found = self._content()["account_irreducibility"]
        if direction not in found:
            raise refused(f"direction: {shortened(direction)!r}, expected bi, cause or effect")
        return Irreducibility(found[direction], self._network)

    @property
    def candidates(self) -> Optional[list[dict[str, Any]]]:
        """All candidates, if they were asked for: the fields of the record."""
        found: Optional[list[dict[str, Any]]] = self.to_dict().get("candidates")
        return found

    def _shown(self) -> str:
        a = self.irreducibility().value
        return f"{len(self.links)} links, Σα = {self.sum_alpha:.6g}, 𝒜 = {a:.6g}"

    def _repr_html_(self) -> str:
        return f"<p>{_engine.html(self._shown())}</p>{self.links._repr_html_()}"


class NexusTransition(Record):
    """A part of a transition with 𝒜 > 0."""

    __slots__ = ()

    @property
    def value(self) -> float:
        """𝒜 in bits."""
        return float(self._data["A"])

    @property
    def cause(self) -> tuple[int, ...]:
        """The units that are considered before."""
        return tuple(self._data["cause"])

    @property
    def effect(self) -> tuple[int, ...]:
        """The units that are considered after."""
        return tuple(self._data["effect"])

    def _shown(self) -> str:
        return f"{self._set(self.cause)} → {self._set(self.effect)}, 𝒜 = {self.value:.6g}"


class Nexus(Listed[NexusTransition]):
    """All parts of a transition with 𝒜 > 0, the largest 𝒜 first."""

    __slots__ = ()

    def _records(self) -> NexusTransitions:
        return NexusTransitions(self._content()["nexus"], self._network)

    @property
    def before(self) -> tuple[int, ...]:
        """The state before."""
        return tuple(self._content()["before"])

    @property
    def after(self) -> tuple[int, ...]:
        """The state after."""
        return tuple(self._content()["after"])

    @property
    def causal(self) -> Optional[NexusTransition]:
        """The causal nexus: the first."""
        return self[0] if len(self) else None


class NexusTransitions(Records[NexusTransition]):
    """Some parts of a transition."""

    __slots__ = ()
    _kind = NexusTransition

    def _rows(self) -> list[dict[str, Any]]:
        labels = self._network.labels
        return [
            {
                "cause": ",".join(labels(it.cause)),
                "effect": ",".join(labels(it.effect)),
                "A": it.value,
            }
            for it in self
        ]


class Event(Record):
    """An occurrence with an actual cause in the state before it and an actual effect in the state
    after it."""

    __slots__ = ()

    @property
    def mechanism(self) -> tuple[int, ...]:
        """Units of the occurrence."""
        return tuple(self._data["mechanism"])

    @property
    def cause(self) -> CausalLink:
        """Its actual cause."""
        return CausalLink(self._data["cause"], self._network)

    @property
    def effect(self) -> CausalLink:
        """Its actual effect."""
        return CausalLink(self._data["effect"], self._network)

    def _shown(self) -> str:
        cause, effect = (self._set(it.purview) for it in (self.cause, self.effect))
        alphas = f"α = {self.cause.alpha:.6g} and {self.effect.alpha:.6g}"
        return f"{cause} <- {self._set(self.mechanism)} -> {effect}, {alphas}"


class Events(Listed[Event]):
    """The events of a complex in three successive states."""

    __slots__ = ()

    def _records(self) -> _EventList:
        return _EventList(self._content()["events"], self._network)

    @property
    def nodes(self) -> tuple[int, ...]:
        """Units of the complex."""
        return tuple(self._content()["nodes"])

    @property
    def phi(self) -> Optional[float]:
        """Φ of the complex by IIT 3.0; None if its units were given."""
        found = self._content().get("phi")
        return None if found is None else float(found)

    @property
    def extrinsic(self) -> bool:
        """True if causes and effects were looked for among all units."""
        return bool(self._content()["extrinsic"])


class _EventList(Records[Event]):
    __slots__ = ()
    _kind = Event

    def _rows(self) -> list[dict[str, Any]]:
        labels = self._network.labels
        return [
            {
                "cause": ",".join(labels(it.cause.purview)),
                "alpha_cause": it.cause.alpha,
                "mechanism": ",".join(labels(it.mechanism)),
                "effect": ",".join(labels(it.effect.purview)),
                "alpha_effect": it.effect.alpha,
            }
            for it in self
        ]


class Transition:
    """A network that was in the state ``before`` and then in the state ``after``. ``cause`` are the
    units among which causes are looked for, ``effect`` those of the effects; all by default.
    ``background`` is ``fixed`` (as it was before) or ``noise``.

    >>> import pyphi_core as pc
    >>> network = pc.Network([[0, 0], [1, 0], [1, 0], [1, 1]], node_labels=["OR", "AND"])
    >>> pc.actual.Transition(network, (1, 0), (1, 0)).account().causes[0]
    CausalLink({OR} <- {OR}, α = 0.415037)
    """

    __slots__ = ("_network", "_native", "_place")

    def __init__(
        self,
        network: Network,
        before: Any,
        after: Any,
        cause: Optional[Units] = None,
        effect: Optional[Units] = None,
        *,
        background: str = "fixed",
    ) -> None:
        has_noise = _has_noise(network, background)

        def units(field: str, given: Optional[Units]) -> Iterable[int]:
            known = network.node_labels, network.size
            return (
                network.node_indices if given is None else arguments.numbers(given, *known, field)
            )

        states = network._state(before), network._state(after)
        sides = mask(units("cause", cause)), mask(units("effect", effect))
        self._network = network
        self._place = (*states, *sides, has_noise)
        self._native = _engine.Transition(network._native, *self._place)

    @property
    def network(self) -> Network:
        """The network."""
        return self._network

    @property
    def probability(self) -> float:
        """P(the effects are as they are after | all units before)."""
        return self._native.probability()

    def account(
        self, scheme: str = "all", *, candidates: bool = False, **given: Unpack[Options]
    ) -> Account:
        """All causal links, with α, and how irreducible they are. ``scheme`` says which partitions
        are tried: ``all``, those of the paper, ``tri`` or ``bi``."""
        chosen = options(given, self.network.size, needs=limited(self.network._scale()))
        answer = self._native.account(str(scheme), bool(candidates), chosen)
        return Account._of(answer, self._network)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Transition):
            return NotImplemented
        return (self._place, self._network) == (other._place, other._network)

    def __hash__(self) -> int:
        return hash((self._place, self._network))

    def __reduce__(self) -> Any:
        before, after, cause, effect, noise = self._place
        units = [arguments.members(it) for it in (cause, effect)]
        background = "noise" if noise else "fixed"
        return (_transition, (self._network, tuple(before), tuple(after), *units, background))

    def __repr__(self) -> str:
        before, after = (",".join(map(str, it)) for it in self._place[:2])
        return f"Transition(({before}) → ({after}))"


def nexus(
    network: Network,
    before: Any,
    after: Any,
    *,
    background: str = "fixed",
    scheme: str = "all",
    **given: Unpack[Options],
) -> Nexus:
    """All parts of a transition with 𝒜 > 0, whatever units are considered."""
    way = (_has_noise(network, background), str(scheme))
    states = network._state(before), network._state(after)
    chosen = options(given, network.size, needs=limited(network._scale()))
    return Nexus._of(_engine.nexus(network._native, states, way, chosen), network)


def causal_nexus(
    network: Network,
    before: Any,
    after: Any,
    *,
    background: str = "fixed",
    scheme: str = "all",
    **given: Unpack[Options],
) -> Optional[NexusTransition]:
    """The part of a transition with the largest 𝒜; None if no part has 𝒜 > 0."""
    return nexus(network, before, after, background=background, scheme=scheme, **given).causal


def true_events(
    network: Network,
    previous: Any,
    current: Any,
    next: Any,
    nodes: Optional[Units] = None,
    *,
    background: str = "fixed",
    scheme: str = "all",
    **given: Unpack[Options],
) -> Events:
    """Events that have an actual cause in the state ``previous`` and an actual effect in the state
    ``next``, all within ``nodes``, by default the major complex of IIT 3.0 in the state
    ``current``."""
    way = (_has_noise(network, background), str(scheme))
    return _events(network, (previous, current, next), nodes, False, way, given)


def extrinsic_events(
    network: Network,
    previous: Any,
    current: Any,
    next: Any,
    nodes: Optional[Units] = None,
    *,
    background: str = "fixed",
    scheme: str = "all",
    **given: Unpack[Options],
) -> Events:
    """As ``true_events``, with causes and effects that may be anywhere."""
    way = (_has_noise(network, background), str(scheme))
    return _events(network, (previous, current, next), nodes, True, way, given)


def _events(
    network: Network,
    states: tuple[Any, Any, Any],
    nodes: Optional[Units],
    is_extrinsic: bool,
    way: tuple[bool, str],
    given: Any,
) -> Events:
    previous, current, following = (network._state(it) for it in states)
    units = network.nodes if nodes is None else network.indices(nodes)
    chosen = options(given, network.size, needs=limited(network._scale()))
    answer = _engine.events(
        network._native, (previous, current), following, units, is_extrinsic, way, chosen
    )
    return Events._of(answer, network)


def _has_noise(network: Any, background: str) -> bool:
    if not isinstance(network, Network):
        raise ArgumentError(f"network: {type(network).__name__}, expected a Network")
    if background not in ("fixed", "noise"):
        raise refused(f"background: {shortened(background)!r}, expected fixed or noise")
    return background == "noise"


def _transition(
    network: Network, before: Any, after: Any, cause: Any, effect: Any, background: str
) -> Transition:
    return Transition(network, before, after, cause, effect, background=background)
