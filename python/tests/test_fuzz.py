"""Arrays of every kind: an answer or an exception of Python, and never the end of the process.

``PHI_FUZZ_CASES`` sets how many (a million takes some hours); ``PHI_SLOW_TESTS`` makes more of
them."""

import contextlib
import os

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import pyphi_core as pc

CASES = int(os.environ.get("PHI_FUZZ_CASES", 20_000 if os.environ.get("PHI_SLOW_TESTS") else 100))
SETTINGS = settings(
    max_examples=CASES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize="PHI_FUZZ_CASES" not in os.environ,
    database=None,
)


class Odd(np.ndarray):
    """An array of a class of its own."""


class Faulty:
    """An object that claims to be an array."""

    def __array__(self, *args, **kwargs):
        raise RuntimeError("no array")


@contextlib.contextmanager
def allowed():
    """The exceptions that people can be expected to catch."""
    try:
        yield
    except (ValueError, TypeError, MemoryError, TimeoutError) as error:
        assert str(error)
        assert not isinstance(error, UnicodeError)


numbers = st.one_of(
    st.floats(0, 1),
    st.floats(allow_nan=True, allow_infinity=True),
    st.integers(),
    st.booleans(),
    st.sampled_from([0, 1, 0.5, 1e-300, 5e-324, 1 + 1e-10, -1e-12, 10**400, -(2**63)]),
    st.text(max_size=3),
    st.none(),
    st.complex_numbers(),
)
kinds = st.sampled_from(
    "? i1 u1 <i2 >i4 <u8 >i8 <f2 >f4 <f8 >f8 <f16 <c16 S3 <U2 O <M8[s] <m8[s]".split()
)
shapes = st.one_of(
    st.sampled_from([(2, 1), (4, 2), (8, 3), (16, 4), (4, 4), (8, 8), (2, 2, 2), (2, 2, 2, 3)]),
    arrays.array_shapes(min_dims=0, max_dims=6, min_side=0, max_side=9),
)


@st.composite
def arrays_of_any_kind(draw):
    shape, dtype = draw(shapes), np.dtype(draw(kinds))
    if dtype.kind in "fiub?" and draw(st.booleans()):
        # Likely a TPM: only the entries that are drawn are odd.
        found = np.zeros(shape, dtype=dtype)
        flat = found.reshape(-1)
        for at in range(min(flat.size, 64)):
            value = draw(st.sampled_from([0, 1, 0.5, 0.25, 1, 0]))
            flat[at] = value
    else:
        with np.errstate(all="ignore"):
            found = draw(arrays.arrays(dtype if dtype.kind != "O" else np.float64, shape))
        if dtype.kind == "O":
            found = found.astype(object)
    way = draw(st.integers(0, 6))
    if way == 1:
        found = np.asfortranarray(found)
    elif way == 2 and found.ndim:
        found = np.repeat(found, 2, axis=0)[::2]
    elif way == 3 and found.ndim:
        found = found[::-1]
    elif way == 4:
        found = found.view(Odd)
    elif way == 5:
        found = np.ma.MaskedArray(found, mask=draw(st.booleans()))
    elif way == 6:
        found = found.tolist()
    return found


anything = st.one_of(
    arrays_of_any_kind(),
    st.recursive(numbers, lambda inner: st.lists(inner, max_size=5), max_leaves=24),
    st.builds(Faulty),
    st.dictionaries(st.integers(), st.integers(), max_size=2),
    st.binary(max_size=9),
)
states = st.one_of(
    st.lists(st.integers(0, 1), min_size=1, max_size=4), st.text("01(, )2", max_size=9), anything
)
units = st.one_of(
    st.none(), st.lists(st.integers(-2, 6), max_size=4), st.lists(numbers, max_size=3), numbers
)


@SETTINGS
@given(anything, st.one_of(st.none(), st.just("full"), anything), states, units)
def test_networks(tpm, cm, state, nodes):
    with allowed():
        network = pc.Network(tpm, cm, force_cm=True, project=True)
        assert network.tpm.shape == (1 << network.size, network.size)
        assert pc.Network.from_json(network.to_json()) == network
        if network.size > 4:
            return
        subsystem = pc.Subsystem(network, state, nodes)
        assert 0 <= subsystem.phi() < 100
        pc.System(network, state, nodes).phi()


@SETTINGS
@given(
    anything,
    st.one_of(
        st.lists(st.integers(1, 4), min_size=1, max_size=3),
        st.lists(st.integers(-1, 300), max_size=6),
        anything,
    ),
    st.one_of(st.none(), st.lists(st.lists(st.text(max_size=2), max_size=3), max_size=3), anything),
    states,
)
def test_networks_of_values(tpm, alphabet, values, state):
    with allowed():
        network = pc.Network(tpm, alphabet=alphabet, values=values, force_cm=True)
        assert network.tpm.shape[0] == network.num_states
        assert pc.Network.from_json(network.to_json()) == network
        if network.num_states > 16:
            return
        assert 0 <= pc.Subsystem(network, state).phi() < 100
        pc.System(network, state).phi()
    # The shape that fits, with entries of any kind.
    with allowed():
        rows = [[[1, 0, 0], [1, 0]] for _ in range(6)]
        rows[0][0] = tpm
        pc.Network(rows, alphabet=(3, 2))


@SETTINGS
@given(
    st.one_of(st.lists(anything, max_size=3), anything),
    st.one_of(st.lists(st.integers(-1, 3), max_size=4), anything),
    st.sampled_from(["coarse", "blackbox", "table"]),
    st.one_of(st.integers(-1, 3), anything),
    states,
)
def test_units(parts, mapping, name, grain, history):
    network = pc.examples.basic_network()
    with allowed():
        unit = pc.macro.Unit(parts, **{name: mapping}, grain=grain)
        pc.macro.units(network, [unit, 2], history, micro_units=2, time_limit=1)
    with allowed():
        pc.macro.units(network, parts, history, grain=grain, time_limit=1)
    with allowed():
        boxes = pc.macro.Blackbox(parts, mapping)
        pc.macro.macro_phi(network, history, blackbox=boxes, time_scale=grain)
    with allowed():
        groups = pc.macro.CoarseGrain(parts, mapping)
        pc.macro.macro_phi(network, history, coarse_grain=groups)
    with allowed():
        pc.actual.true_events(network, history, mapping, (0, 0, 1), parts, time_limit=1)


@SETTINGS
@given(anything, states, st.one_of(st.none(), anything), units)
def test_many(tpms, some, cm, nodes):
    with allowed():
        rows = pc.phi_many(tpms, some, cm, nodes, time_limit=1)
        assert len(rows) == len(tpms)


@SETTINGS
@given(
    st.sampled_from(["cause", "effect", "CAUSE", "", "x"]),
    units,
    units,
    st.dictionaries(
        st.sampled_from(
            ["threads", "time_limit", "memory_limit", "tie_order", "measure", "largest_order", "z"]
        ),
        st.one_of(
            st.integers(0, 3),
            st.floats(),
            st.lists(st.integers(0, 3), max_size=4),
            st.text(max_size=3),
            st.integers(),
        ),
        max_size=2,
    ),
)
def test_mechanisms(direction, mechanism, purview, given_options):
    subsystem = pc.Subsystem(pc.examples.basic_network(), (1, 0, 0))
    system = pc.System(pc.examples.fig1_albantakis2023(), (0, 1, 1))
    if given_options.get("threads", 0) not in (0, 1, 2, 3):
        given_options["threads"] = -1
    for it in (subsystem, system):
        with allowed():
            it.find_mip(direction, mechanism, purview, **given_options)
        with allowed():
            it.mechanism(mechanism, **given_options)
        with allowed():
            it.sia(**given_options).to_json()
    with allowed():
        subsystem.repertoire(direction, mechanism, purview)
    with allowed():
        subsystem.evaluate_cut((mechanism, purview))
