"""Networks of the literature."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp
from typing import Optional

from ._network import Network

__all__ = ["basic_network", "copy_network", "fig1_albantakis2023", "logistic_network"]


def basic_network() -> Network:
    """Oizumi et al. 2014, Fig. 4: A = OR(B, C), B = AND(A, C), C = XOR(A, B)."""
    rows = [(s & 1, s >> 1 & 1, s >> 2 & 1) for s in range(8)]
    tpm = [[b | c, a & c, a ^ b] for a, b, c in rows]
    return Network(tpm, [[0, 1, 1], [1, 0, 1], [1, 1, 0]], ["A", "B", "C"], name="OR, AND, XOR")


def copy_network() -> Network:
    """Two units that copy each other."""
    return Network([[0, 0], [0, 1], [1, 0], [1, 1]], [[0, 1], [1, 0]], ["A", "B"])


def logistic_network(
    weights: Sequence[Sequence[float]],
    slope: float = 4.0,
    node_labels: Optional[Sequence[str]] = None,
    name: Optional[str] = None,
) -> Network:
    """Units that are ON with the probability that a logistic function of their inputs gives:
    ``weights[i][j]`` is what unit i, as 1 or -1, adds to the input of unit j. An input of weight 0
    is no connection."""
    n = len(weights)
    signs = [[1 if s >> it & 1 else -1 for it in range(n)] for s in range(1 << n)]

    def on(state: Sequence[int], unit: int) -> float:
        total = sum(weights[it][unit] * state[it] for it in range(n))
        return 1 / (1 + exp(-slope * total))

    tpm = [[on(state, unit) for unit in range(n)] for state in signs]
    cm = [[int(it != 0) for it in row] for row in weights]
    return Network(tpm, cm, node_labels, name=name)


def fig1_albantakis2023() -> Network:
    """Albantakis et al. 2023, Fig. 1: three logistic units. The figure's state is (0, 1, 1), its
    first system {A, B}."""
    weights = [[-0.2, 0.7, 0.2], [0.7, -0.2, 0.0], [0.0, -0.8, 0.2]]
    return logistic_network(weights, 4.0, ["A", "B", "C"], "Albantakis et al. 2023, Fig. 1")
