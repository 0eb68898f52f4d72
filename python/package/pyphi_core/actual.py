"""Actual causation: what caused what in a transition (Albantakis, Marshall, Hoel, Tononi 2019)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Optional

from . import _arguments as arguments
from . import _engine
from ._arguments import ArgumentError, Units, mask, refused, shortened
from ._network import Network
from ._options import limited, options
from ._record import Answered, Partition, Record, Records

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._options import Options

__all__ = ["Account", "CausalLink", "CausalLinks", "Irreducibility", "Transition"]


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
        """Whether these are several."""
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
        """Why no partition was tried; None if one was."""
        found: Optional[str] = self._data["reason"]
        return found

    def _shown(self) -> str:
        return f"𝒜 = {self.value:.6g}"


class Account(Answered):
    """What caused what in a transition."""

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
        return f"<p>{self._shown()}</p>{self.links._repr_html_()}"


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
        if not isinstance(network, Network):
            raise ArgumentError(f"network: {type(network).__name__}, expected a Network")
        if background not in ("fixed", "noise"):
            raise refused(f"background: {shortened(background)!r}, expected fixed or noise")

        def units(field: str, given: Optional[Units]) -> Iterable[int]:
            known = network.node_labels, network.size
            return (
                network.node_indices if given is None else arguments.numbers(given, *known, field)
            )

        states = arguments.state(before), arguments.state(after)
        sides = mask(units("cause", cause)), mask(units("effect", effect))
        self._network = network
        self._place = (*states, *sides, background == "noise")
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
        chosen = options(given, needs=limited(self.network.size))
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


def _transition(
    network: Network, before: Any, after: Any, cause: Any, effect: Any, background: str
) -> Transition:
    return Transition(network, before, after, cause, effect, background=background)
