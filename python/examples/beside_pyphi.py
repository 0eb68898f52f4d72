"""``sia`` of the examples of PyPhi's documentation, by PyPhi 1.2.0 and by this package, in one
process, each on one thread: CPU time, the least of several runs. Needs PyPhi 1.2.0
(CONTRIBUTING.md)."""

from time import process_time

import pyphi

import pyphi_core as pc

pyphi.config.PROGRESS_BARS = False
pyphi.config.CACHE_SIAS = False
pyphi.config.PARALLEL_CUT_EVALUATION = False
pyphi.config.PARALLEL_CONCEPT_EVALUATION = False

EXAMPLES = {
    "basic": (1, 0, 0),
    "xor": (0, 0, 0),
    "rule110": (1, 0, 1),
    "rule154": (1, 0, 0, 0, 0),
}


def least(work, runs):
    """CPU seconds of the fastest run, and what it gave."""
    times = []
    for _ in range(runs):
        began = process_time()
        found = work()
        times.append(process_time() - began)
    return min(times), found


for name, state in EXAMPLES.items():
    network = getattr(pyphi.examples, f"{name}_network")()
    is_small = len(state) == 3

    def theirs():
        return pyphi.compute.sia(pyphi.Subsystem(network, state, network.node_indices))

    own = pc.Network(network.tpm, network.cm)
    calls = 2000 if is_small else 30

    def ours():
        for _ in range(calls):
            found = pc.sia(pc.Subsystem(own, state), threads=1)
        return found

    of_pyphi, expected = least(theirs, 3 if is_small else 1)
    of_calls, found = least(ours, 5)
    assert abs(expected.phi - found.phi) < 1e-4
    each = of_calls / calls
    print(f"{name}: {of_pyphi:.4f} s, {each * 1e6:.1f} µs: {of_pyphi / each:,.0f} times")
