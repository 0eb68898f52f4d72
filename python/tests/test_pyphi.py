"""PyPhi on this engine, where PyPhi is installed; and what can be said of it where it is not."""

import sys
import types
import warnings

import numpy as np
import pytest
from conftest import golden

import pyphi_core as pc
import pyphi_core.pyphi as fast


def test_without_pyphi_it_says_so():
    try:
        import pyphi  # noqa: F401
    except ImportError:
        with pytest.raises(ImportError, match="pyphi"):
            fast.enable()
        assert not fast.is_enabled()
    else:
        pytest.skip("PyPhi is installed")


@pytest.fixture
def stub(monkeypatch):
    """The parts of PyPhi 1.2 that are replaced, under two names."""

    def sia(subsystem):
        return "of PyPhi"

    def ces(subsystem):
        return "of PyPhi"

    names = ("pyphi", "pyphi.compute", "pyphi.compute.subsystem")
    pyphi, compute, subsystem = (types.ModuleType(it) for it in names)
    pyphi.__version__, pyphi.compute, compute.subsystem = "1.2.0", compute, subsystem
    compute.sia = subsystem.sia = sia
    compute.ces = subsystem.ces = ces
    for name, module in zip(names, (pyphi, compute, subsystem)):
        monkeypatch.setitem(sys.modules, name, module)
    return compute


def test_blocks_that_overlap(stub):
    original = stub.sia, stub.ces
    first, second = fast.enabled(), fast.enabled()
    first.__enter__()
    second.__enter__()
    taken = stub.sia
    assert taken is not original[0] and taken.__name__ == "sia"
    first.__exit__(None, None, None)
    assert fast.is_enabled() and stub.sia is taken
    second.__exit__(None, None, None)
    assert not fast.is_enabled() and (stub.sia, stub.ces) == original
    assert stub.subsystem.sia is original[0]
    # A script may have taken it from PyPhi, where two units would be searched on this engine.
    assert taken([0, 1]) == "of PyPhi"
    with pytest.raises(KeyError), fast.enabled():
        raise KeyError
    assert (stub.sia, stub.ces) == original
    # What was on before stays on.
    fast.enable()
    with fast.enabled(), fast.enabled():
        pass
    assert fast.is_enabled() and stub.sia is not original[0]
    fast.disable()
    assert not fast.is_enabled() and (stub.sia, stub.ces) == original


def test_what_cannot_be_replaced_is_left_as_it_was(stub):
    original = stub.sia
    del stub.subsystem.ces
    with pytest.raises(AttributeError):
        fast.enable()
    assert not fast.is_enabled() and stub.sia is stub.subsystem.sia is original


def near(a, b):
    """PyPhi's transport is good to some 5e-6."""
    return abs(a - b) < 1e-5


def test_pyphi_1_2():
    pyphi = pytest.importorskip("pyphi")
    if not getattr(pyphi, "__version__", "").startswith("1.2"):
        pytest.skip("another PyPhi")
    pyphi.config.PROGRESS_BARS = False
    original = pyphi.compute.sia
    for name, state in (("basic_network", (1, 0, 0)), ("xor_network", (0, 0, 0))):
        network = getattr(pyphi.examples, name)()
        expected = pyphi.compute.sia(pyphi.Subsystem(network, state))
        found = [it.phi for it in pyphi.compute.complexes(network, state)]
        with fast.enabled():
            assert fast.is_enabled() and pyphi.compute.sia is not original
            sia = pyphi.compute.sia(pyphi.Subsystem(network, state))
            assert type(sia) is type(expected) and near(sia.phi, expected.phi)
            if name == "basic_network":
                # Of the other network its noise is as large as what it takes for equal.
                assert sia == expected and sia.ces == expected.ces
                assert sia.partitioned_ces == expected.partitioned_ces
            assert str(sia) and near(pyphi.compute.phi(sia.subsystem), expected.phi)
            own = [it.phi for it in pyphi.compute.complexes(network, state)]
            assert len(own) == len(found) and all(map(near, own, found))
            assert near(pyphi.compute.major_complex(network, state).phi, found[0])
        assert pyphi.compute.sia is original and not fast.is_enabled()
    with fast.enabled(), pyphi.config.override(PRECISION=5), pytest.warns(fast.FallbackWarning):
        pyphi.compute.sia(pyphi.Subsystem(pyphi.examples.basic_network(), (1, 0, 0)))
    # Said once.
    with fast.enabled(), pyphi.config.override(PRECISION=5), warnings.catch_warnings():
        warnings.simplefilter("error")
        pyphi.compute.sia(pyphi.Subsystem(pyphi.examples.basic_network(), (1, 0, 0)))


def test_pyphi_2():
    pyphi = pytest.importorskip("pyphi")
    if hasattr(pyphi, "__version__") and pyphi.__version__.startswith("1."):
        pytest.skip("another PyPhi")
    system = pyphi.examples.basic_system()
    expected, structure = system.sia(), system.ces()
    with fast.enabled():
        found = system.sia()
        assert type(found) is type(expected) and found == expected
        assert found.partition == expected.partition
        assert system.ces() == structure
    # Units of several values; in the second one the states that are specified tie.
    records = {it["name"]: it for it in golden("multivalued.json")}
    for name in ("p53_Mdm2_200", "p53_Mdm2_201", "mod3_sum_ring"):
        record = records[name]
        own = pc.Network(record["tpm"], record["cm"], alphabet=record["alphabet"])
        cm = np.array(record["cm"])
        substrate = pyphi.Substrate(marginals=list(own.marginals), cm=cm)
        system = pyphi.System(substrate, tuple(record["state"]), tuple(record["nodes"]))
        expected, structure = system.sia(), system.ces()
        with fast.enabled(), warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            fast._said.clear()
            assert system.sia() == expected and system.ces() == structure, name
        assert bool(said) == (name == "p53_Mdm2_201"), name
