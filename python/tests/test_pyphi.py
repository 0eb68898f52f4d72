"""PyPhi on this engine, where PyPhi is installed; and what can be said of it where it is not."""

import warnings

import pytest

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
