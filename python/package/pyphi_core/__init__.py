"""Exact integrated information (Φ) of Integrated Information Theory 3.0 and 4.0.

>>> import pyphi_core as pc
>>> network = pc.examples.basic_network()  # Oizumi et al. 2014, Fig. 4
>>> subsystem = pc.Subsystem(network, (1, 0, 0))
>>> pc.sia(subsystem)
SystemIrreducibilityAnalysis(Φ = 1.91667, {A,B,C}, {A,B} ≠> {C}, 6 concepts)

``Subsystem`` is a candidate system of IIT 3.0 and ``System`` one of IIT 4.0; what can be asked of
them are their methods. ``sia``, ``ces``, ``complexes`` and the others ask the same as functions,
``phi_many`` asks it of arrays of networks; ``actual`` has actual causation and ``macro`` other
grains. Results are in ``iit3`` and ``iit4``. They do not change, and their ``to_dict()`` and
``to_json()`` are what the program ``phi`` writes.

Values are exact up to rounding: nothing is sampled or approximated unless it is asked for.
"""

from . import actual, examples, iit3, iit4, macro
from ._arguments import ArgumentError
from ._engine import InputError, InternalError, MemoryLimitError, __version__
from ._functions import (
    ces,
    ces_distance,
    complexes,
    conceptual_info,
    condensed,
    evaluate_cut,
    major_complex,
    phi,
    phi_structure,
    sia,
)
from ._many import phi_many
from ._network import Network
from ._options import Options, Progress
from ._pictures import Page, Picture
from ._system import Direction, Subsystem, System
from .iit3 import Cut
from .iit4 import SystemPartition

__all__ = [
    "ArgumentError",
    "Cut",
    "Direction",
    "InputError",
    "InternalError",
    "MemoryLimitError",
    "Network",
    "Options",
    "Page",
    "Picture",
    "Progress",
    "Subsystem",
    "System",
    "SystemPartition",
    "__version__",
    "actual",
    "ces",
    "ces_distance",
    "complexes",
    "conceptual_info",
    "condensed",
    "evaluate_cut",
    "examples",
    "iit3",
    "iit4",
    "macro",
    "major_complex",
    "phi",
    "phi_many",
    "phi_structure",
    "sia",
]
