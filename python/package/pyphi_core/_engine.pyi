"""The compiled part of the package."""

from collections.abc import Callable, Sequence
from typing import Any, Optional

__version__: str

class InputError(ValueError):
    kind: str

class MemoryLimitError(MemoryError): ...
class InternalError(RuntimeError): ...

def terminal(text: str) -> str: ...
def html(text: str) -> str: ...

class Options:
    def __new__(
        cls,
        *,
        formalism: str,
        ties: str,
        threads: int = 0,
        time: Optional[float] = None,
        memory: Optional[int] = None,
        count_ties: bool = False,
        exhaustive: bool = False,
        variant: Optional[str] = None,
        tie_order: Optional[Sequence[int]] = None,
        tie_seed: Optional[int] = None,
        spectrum: Optional[tuple[str, str]] = None,
        numberings: int = 0,
        progress: Optional[Callable[[str, int, int, Optional[float], float], Any]] = None,
    ) -> Options: ...

class Answer:
    @property
    def phi(self) -> float: ...
    @property
    def stop_reason(self) -> str: ...
    def json(self) -> str: ...

class Network:
    @staticmethod
    def of_array(
        tpm: bytes,
        shape: Sequence[int],
        cm: Optional[Sequence[bytes]],
        connectivity: str,
        labels: Optional[Sequence[str]],
        name: Optional[str],
        row_order: Optional[str],
        flags: tuple[bool, bool, bool],
    ) -> Network: ...
    @property
    def n(self) -> int: ...
    @property
    def alphabet(self) -> list[int]: ...
    @property
    def values(self) -> Optional[list[list[str]]]: ...
    @property
    def name(self) -> Optional[str]: ...
    @property
    def labels(self) -> Optional[list[str]]: ...
    @property
    def notes(self) -> list[str]: ...
    @property
    def states(self) -> Any: ...
    @property
    def nodes(self) -> Optional[list[int]]: ...
    def tpm(self) -> bytes: ...
    def cm(self) -> bytes: ...
    def json(self, state: Optional[bytes] = None) -> str: ...
    def is_equal(self, other: Network) -> bool: ...
    def hash(self) -> int: ...

class Subsystem:
    def __new__(cls, network: Network, state: bytes, nodes: int) -> Subsystem: ...
    def memory_needed(self, threads: int, keeps_choices: bool) -> int: ...
    def sia(self, options: Options) -> Answer: ...
    def under_cut(self, cut: tuple[int, int], options: Options) -> Answer: ...
    def structure(self, options: Options) -> Answer: ...
    def distance(self, other: Subsystem, options: Options) -> Answer: ...
    def mechanism(
        self,
        mechanism: int,
        purview: Optional[int],
        directions: Sequence[str],
        cut: Optional[tuple[int, int]],
        options: Options,
    ) -> Answer: ...
    def concept(self, mechanism: int, options: Options) -> Optional[str]: ...
    def partitioned(
        self,
        partitions: Sequence[tuple[Optional[tuple[int, int]], str, Sequence[tuple[int, int]]]],
    ) -> list[bytes]: ...
    def repertoire(self, side: str, mechanism: int, purview: int) -> bytes: ...

class System:
    def __new__(cls, network: Network, state: bytes, nodes: int) -> System: ...
    def memory_needed(self, threads: int, of_structure: bool) -> int: ...
    def sia(self, options: Options) -> Answer: ...
    def under_partition(self, parts: Sequence[tuple[int, str]], options: Options) -> Answer: ...
    def structure(self, options: Options) -> Answer: ...
    def distinction(self, mechanism: int, options: Options) -> Optional[str]: ...
    def mechanism(
        self, mechanism: int, purview: Optional[int], directions: Sequence[str], options: Options
    ) -> Answer: ...

class Transition:
    def __new__(
        cls,
        network: Network,
        before: bytes,
        after: bytes,
        cause: int,
        effect: int,
        has_noise: bool,
    ) -> Transition: ...
    def probability(self) -> float: ...
    def account(self, scheme: str, has_candidates: bool, options: Options) -> Answer: ...

def nexus(
    network: Network, states: tuple[bytes, bytes], way: tuple[bool, str], options: Options
) -> Answer: ...
def events(
    network: Network,
    states: tuple[bytes, bytes],
    next: bytes,
    nodes: Optional[Sequence[int]],
    is_extrinsic: bool,
    way: tuple[bool, str],
    options: Options,
) -> Answer: ...
def effective_information(network: Network, options: Options) -> Answer: ...
def on_grain(
    network: Network,
    state: bytes,
    nodes: Optional[Sequence[int]],
    time_scale: int,
    boxes: Optional[tuple[Sequence[Sequence[int]], Sequence[int]]],
    groups: Optional[tuple[Sequence[Sequence[int]], Sequence[Sequence[int]]]],
    options: Options,
) -> Answer: ...
def best_grain(
    network: Network,
    state: bytes,
    nodes: Optional[Sequence[int]],
    black_boxes: bool,
    time_scales: Sequence[int],
    options: Options,
) -> Answer: ...
def intrinsic_units(
    text: str, bounds: tuple[int, int, int, str, int], has_validity: bool, options: Options
) -> Answer: ...

_Found = tuple[Sequence[int], Sequence[tuple[int, int]], float]

class RelationList:
    def __new__(
        cls, distinctions: Sequence[tuple[int, float, tuple[int, bytes], tuple[int, bytes]]]
    ) -> RelationList: ...
    def count(self) -> int: ...
    def some(self, after: Optional[_Found], most: int) -> list[_Found]: ...
    def n_faces(self, relation: _Found) -> int: ...
    def faces(
        self, relation: _Found, most: int
    ) -> list[tuple[list[str], list[tuple[int, int]]]]: ...

class Many:
    def __new__(
        cls,
        tpms: Sequence[bytes],
        count: int,
        shape: Sequence[int],
        cm: Optional[Sequence[bytes]],
        cms: Optional[bytes],
        connectivity: str,
        states: bytes,
        nodes: Optional[int],
        n_units: int,
        row_order: Optional[str],
        flags: tuple[bool, bool, bool],
    ) -> Many: ...
    @staticmethod
    def of(
        networks: Sequence[Network], states: bytes, nodes: Optional[int], n_units: int
    ) -> Many: ...
    def phi(self, options: Options) -> bytes: ...
    def phi_s(self, options: Options, has_structure: bool) -> bytes: ...

def read(
    text: bytes,
    form: str,
    place: str,
    connectivity: str,
    cm: Optional[Sequence[bytes]],
    row_order: Optional[str],
    flags: tuple[bool, bool, bool],
) -> list[Network]: ...
def complexes(network: Network, state: bytes, options: Options, has_ranges: bool) -> Answer: ...
def phi_complexes(network: Network, state: bytes, options: Options) -> Answer: ...
def fail_on_purpose(options: Options, here: bool) -> None: ...
def drawing(
    network: Network,
    state: bytes,
    nodes: Optional[Sequence[int]],
    show: Sequence[str],
    dark: bool,
    options: Options,
) -> str: ...
def graph(
    network: Network,
    title: str,
    state: bytes,
    nodes: Sequence[int],
    severed: Sequence[tuple[int, int]],
    said: str,
) -> str: ...
def page(
    network: Network,
    state: bytes,
    nodes: Optional[Sequence[int]],
    iit3: bool,
    states: Optional[str],
    options: Options,
) -> str: ...
