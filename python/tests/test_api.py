"""The objects of the package: what goes in, what comes out, and that it stays as it is."""

import copy
import json
import pickle
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest

import pyphi_core as pc


@pytest.fixture
def network():
    return pc.examples.basic_network()


@pytest.fixture
def subsystem(network):
    return pc.Subsystem(network, (1, 0, 0))


@pytest.fixture
def system():
    return pc.System(pc.examples.fig1_albantakis2023(), (0, 1, 1), ("A", "B"))


def test_the_same_network_in_every_form(network):
    rows = network.tpm
    multidimensional = rows.reshape([2] * 3 + [3], order="F")
    by_state = np.zeros((8, 8))
    for s, row in enumerate(rows):
        by_state[s, sum(int(it) << k for k, it in enumerate(row))] = 1
    reordered = rows[[int(f"{s:03b}"[::-1], 2) for s in range(8)]]
    given = {"cm": network.cm, "node_labels": ["A", "B", "C"], "name": network.name}
    forms = [
        rows,
        rows.tolist(),
        tuple(map(tuple, rows)),
        rows.astype(bool),
        rows.astype(np.float32),
        rows.astype(">f8"),
        rows.astype(np.uint8),
        np.asfortranarray(rows),
        np.repeat(rows, 2, axis=0)[::2],
        multidimensional,
        by_state,
    ]
    for tpm in forms:
        assert pc.Network(tpm, **given) == network
    assert pc.Network(reordered, row_order="big-endian", **given) == network
    assert hash(pc.Network(rows.tolist(), **given)) == hash(network)
    assert pc.Network(rows) != network


def test_connections(network):
    assert pc.Network(network.tpm).cm.tolist() == network.cm.tolist()
    assert "inferred" in pc.Network(network.tpm).notes[0]
    assert pc.Network(network.tpm, "full").cm.sum() == 9
    assert pc.Network(network.tpm, cm=network.cm.astype(float)) == pc.Network(
        network.tpm, network.cm
    )
    with pytest.raises(pc.InputError, match="cm: 0, expected 1, for"):
        pc.Network(network.tpm, np.zeros((3, 3)))
    forced = pc.Network(network.tpm, np.zeros((3, 3)), force_cm=True)
    assert "averaged" in forced.notes[0]


def test_errors_name_place_value_and_expectation(network):
    tpm = network.tpm.copy()
    tpm[2, 1] = 1.5
    with pytest.raises(pc.InputError, match="row 2, column 1: 1.5 is not a probability") as error:
        pc.Network(tpm)
    assert isinstance(error.value, ValueError)
    assert error.value.kind == "NotAProbability"
    with pytest.raises(ValueError, match="state"):
        pc.Subsystem(network, (1, 0))
    with pytest.raises(ValueError, match="state"):
        pc.Subsystem(network, (1, 0, 2))
    with pytest.raises(pc.InputError, match="no unit 'Z', expected one of A, B, C"):
        pc.Subsystem(network, (1, 0, 0), ["Z"])
    with pytest.raises(pc.InputError, match="unit 1 is named twice"):
        pc.Subsystem(network, (1, 0, 0), [1, "B"])
    with pytest.raises(pc.InputError, match="unreachable") as error:
        pc.Subsystem(network, (0, 1, 0))
    assert error.value.kind == "Unreachable"
    with pytest.raises(TypeError, match="tpm: an array of complex128"):
        pc.Network(network.tpm.astype(complex))
    with pytest.raises(TypeError, match="expected a Network"):
        pc.Subsystem(network.tpm, (1, 0, 0))
    with pytest.raises(pc.InputError, match="expected one of iit3, iit4-2023"):
        pc.phi(network, (1, 0, 0), formalism="iit5")
    with pytest.raises(TypeError, match="unexpected keyword argument 'thread'"):
        pc.phi(network, (1, 0, 0), thread=2)
    with pytest.raises(pc.InputError, match="time_limit: -1"):
        pc.phi(network, (1, 0, 0), time_limit=-1)
    with pytest.raises(pc.InputError, match="KLD"):
        pc.phi(network, (1, 0, 0), measure="KLD")


def test_files(tmp_path, network):
    path = tmp_path / "network.json"
    network.save(path, state=(1, 0, 0))
    assert json.loads(path.read_text())["state"] == [1, 0, 0]
    loaded = pc.Network.load(path)
    assert loaded == network and loaded.state == (1, 0, 0)
    assert pc.Subsystem(loaded).phi() == pytest.approx(1.916667, abs=1e-6)
    network.save(path)
    loaded = pc.Network.load(path)
    assert loaded == network and loaded.state is None and loaded.states == "all"
    with pytest.raises(pc.InputError, match="state: missing"):
        pc.Subsystem(loaded)
    np.save(tmp_path / "tpm.npy", network.tpm)
    assert (pc.Network.load(tmp_path / "tpm.npy").tpm == network.tpm).all()
    (tmp_path / "tpm.csv").write_text("A,B\n0,0\n0,1\n1,0\n1,1\n")
    assert pc.Network.load(tmp_path / "tpm.csv").node_labels == ("A", "B")
    (tmp_path / "two.yaml").write_text("tpm: [[0, 0], [0, 1], [1, 0], [1, 1]]\nstate: [0, 0]\n")
    assert pc.Network.load(tmp_path / "two.yaml").state == (0, 0)
    (tmp_path / "bad.json").write_text('{"tpm": [[0], [2]]}')
    with pytest.raises(pc.InputError, match=r"bad\.json: tpm: row 1, column 0: 2"):
        pc.Network.load(tmp_path / "bad.json")
    several = {"alphabet": [3], "tpm": [[[1, 0, 0]], [[0, 1, 0]], [[0, 0, 1]]], "state": [2]}
    several["row_order"] = "first-unit-fastest"
    loaded = pc.Network.from_json(json.dumps(several))
    assert (loaded.alphabet, loaded.state) == ((3,), (2,))
    with pytest.raises(FileNotFoundError):
        pc.Network.load(tmp_path / "none.json")


def test_the_example_of_oizumi_2014(subsystem):
    sia = pc.sia(subsystem)
    assert sia.phi == pytest.approx(1.916667, abs=1e-6)
    assert sia.cut == pc.Cut([0, 1], [2])
    assert sia.ces.labeled_mechanisms[3] == ("A", "B")
    assert sia.conceptual_information == pytest.approx(2.111111, abs=1e-6)
    assert subsystem.evaluate_cut(pc.Cut([0], [1, 2])).phi == pytest.approx(2.041667, abs=1e-6)
    assert pc.conceptual_info(subsystem) == sia.conceptual_information
    mip = subsystem.find_mip("effect", ("A", "B"), "C")
    assert mip.phi == 0.5 and len(mip.partitions) == 3
    assert mip.repertoire.shape == (1, 1, 2)
    assert mip.repertoire.flatten().tolist() == [0, 1]
    assert mip.partitioned_repertoire.flatten().tolist() == [0.5, 0.5]
    assert subsystem.concept((0, 1)) == sia.ces.of((0, 1))
    for concept in sia.ces:
        assert subsystem.mic(concept.mechanism).purview == concept.cause.purview
        assert subsystem.mie(concept.mechanism).purview == concept.effect.purview
        assert (subsystem.mic(concept.mechanism).repertoire == concept.cause_repertoire).all()
        repertoire = subsystem.cause_repertoire(concept.mechanism, concept.cause_purview)
        assert (repertoire == concept.cause_repertoire).all()
    assert subsystem.unconstrained_cause_repertoire("A").flatten().tolist() == [0.5, 0.5]
    found = pc.complexes(subsystem.network, (1, 0, 0))
    assert found.major.phi == sia.phi
    assert [it.nodes for it in pc.condensed(subsystem.network, (1, 0, 0))] == [(0, 1, 2)]
    other = pc.Subsystem(subsystem.network, (0, 0, 1))
    assert pc.ces_distance(subsystem, subsystem).distance == 0
    assert pc.ces_distance(subsystem, other).distance > 0
    assert subsystem.spectrum().spectrum["proven"]


def test_the_example_of_albantakis_2023(system):
    structure = system.phi_structure()
    assert structure.phi_s == pytest.approx(0.171863, abs=1e-6)
    assert structure.big_phi == pytest.approx(1.562686, abs=1e-6)
    relations = structure.relations
    assert len(relations) == structure.n_relations == 7
    assert sum(it.phi for it in relations) == pytest.approx(structure.sum_phi_relations)
    pair = next(it for it in relations if it.distinctions == (0, 2))
    assert pair.overlap == ((1, 0),) and pair.n_faces == len(pair.faces()) == 9
    assert structure.cause.state == (1, 0)
    under = system.evaluate_partition(structure.partition)
    assert under.phi == structure.phi_s and under.partition == structure.partition
    assert under.partition.cut_edges == ((0, 1),)
    own = pc.SystemPartition(structure.partition.parts, structure.partition.directions)
    assert own.cut_edges == ((0, 1),)
    assert system.find_mip("cause", "A", "B").phi == system.mic("A").phi
    assert system.spectrum().spectrum["proven"]
    assert pc.phi(system, formalism="iit4-2026") <= structure.phi_s
    assert [it.nodes for it in pc.complexes(system.network, (0, 1, 1), formalism="iit4-2023")] == [
        (2,),
        (0, 1),
    ]


def test_relations_are_found_as_they_are_asked_for():
    network = pc.examples.logistic_network(
        [[0.1 * (i + 2 * j) for j in range(4)] for i in range(4)]
    )
    structure = pc.System(network, (1, 1, 1, 1)).phi_structure()
    listed = list(structure.relations)
    assert len(listed) == len(structure.relations) > 300
    assert len({it.distinctions for it in listed}) == len(listed)
    assert sum(it.phi for it in listed) == pytest.approx(structure.sum_phi_r)


def results(subsystem, system):
    sia, structure = subsystem.sia(), system.phi_structure()
    relation = next(iter(structure.relations))
    yield from (subsystem.network, subsystem, system, sia, sia.cut, sia.ces, sia.ces[3])
    yield from (sia.ces[3].cause, sia.ces[3].cause.mip, pc.complexes(subsystem.network, (1, 0, 0)))
    yield from (subsystem.find_mip("cause", (0, 1), (2,)), subsystem.mechanism((0, 1)))
    yield from (structure, structure.partition, structure.distinctions, structure.distinctions[0])
    yield from (structure.distinctions[0].effect, structure.cause, relation, relation.faces()[0])
    yield from (system.sia(), system.find_mip("effect", (0,), (1,)), system.mechanism((0,)))


def test_results_are_values(subsystem, system):
    again = list(results(subsystem, system))
    for first, second in zip(results(subsystem, system), again):
        assert first == second and hash(first) == hash(second)
        assert not first == object()
        for other in (pickle.loads(pickle.dumps(first)), copy.copy(first), copy.deepcopy(first)):
            assert type(other) is type(first)
            assert other == first and hash(other) == hash(first) and repr(other) == repr(first)
            if hasattr(first, "to_json"):
                assert other.to_json() == first.to_json()
        with pytest.raises(AttributeError):
            first.phi = 3.0
        assert repr(first)
        if hasattr(first, "_repr_html_"):
            assert first._repr_html_().startswith("<")
    kinds = {repr(it) for it in again}
    assert len(kinds) > 20


def test_what_a_stopped_analysis_says():
    rng = np.random.default_rng(0)
    network = pc.Network(rng.random((1 << 8, 8)))
    sia = pc.sia(network, (0,) * 8, time_limit=0.01)
    assert not sia.exact and "time limit" in sia.stop_reason
    other = pickle.loads(pickle.dumps(sia))
    assert (other.phi, other.stop_reason, other.exact) == (sia.phi, sia.stop_reason, False)
    # Where there is nothing to speak of, it is an exception.
    with pytest.raises(TimeoutError, match="time limit"):
        pc.ces(network, (0,) * 8, time_limit=0.0)
    with pytest.raises(TimeoutError, match="time limit"):
        pc.Subsystem(network, (0,) * 8).find_mip("cause", range(8), range(8), time_limit=0.0)
    # The limit of a call of several analyses is that of all of them, and the one that is named.
    large = pc.Network(rng.random((1 << 11, 11)))
    transition = pc.actual.Transition(large, (0,) * 11, (1,) * 11, range(11), range(11))
    with pytest.raises(TimeoutError, match=r"time limit of 0\.250 s"):
        transition.account(time_limit=0.25)
    # So it is of many networks, each of which takes less.
    tpms, states = rng.random((4000, 1 << 4, 4)), np.zeros((4000, 4))
    for formalism in ("iit3", "iit4-2023"):
        rows = pc.phi_many(tpms, states, formalism=formalism, threads=1, time_limit=0.005)
        assert not rows["exact"].all(), formalism
    with pytest.raises(pc.MemoryLimitError, match="memory: it would need") as error:
        pc.sia(network, (0,) * 8, memory_limit=1000)
    assert isinstance(error.value, MemoryError)
    with pytest.raises(MemoryError):
        pc.phi_structure(network, (0,) * 8, memory_limit=1000)


def test_arrays_cannot_be_written_to(subsystem):
    arrays = [subsystem.network.tpm, subsystem.network.cm, subsystem.sia().ces[0].cause_repertoire]
    arrays.append(pc.phi_many(subsystem.network.tpm[None], (1, 0, 0)))
    for array in arrays:
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_nothing_of_the_result_depends_on_threads(subsystem, system):
    for threads in (1, 2, 3, 8):
        assert subsystem.sia(threads=threads).to_json() == subsystem.sia().to_json()
        found = system.phi_structure(threads=threads)
        assert found.to_json() == system.phi_structure().to_json()


def test_many(network):
    states = [it for it in network.all_states()]
    rows = pc.phi_many(np.repeat(network.tpm[None], 8, axis=0), states, network.cm)
    for state, row in zip(states, rows):
        try:
            assert pc.phi(network, state) == row["phi"]
        except pc.InputError as error:
            assert error.kind == "Unreachable" and row["unreachable"] and np.isnan(row["phi"])
    assert rows["unreachable"].sum() == 2
    bad = np.repeat(network.tpm[None], 3, axis=0)
    bad[1, 4, 2] = np.nan
    with pytest.raises(pc.InputError, match="network 1: tpm: row 4, column 2: NaN"):
        pc.phi_many(bad, (1, 0, 0))
    with pytest.raises(pc.InputError, match="states: shape"):
        pc.phi_many(bad, (1, 0))
    assert len(pc.phi_many(np.zeros((0, 8, 3)), (0, 0, 0))) == 0
    with pytest.raises(pc.InputError, match="expected units"):
        pc.phi_many(np.zeros((3, 1, 0)), ())
    hidden = np.ma.MaskedArray(np.zeros(((1 << 23) + 1, 2, 1), dtype=bool))
    hidden[1, 1, 0] = np.ma.masked
    with pytest.raises(pc.InputError, match="tpms: a masked array with hidden entries"):
        pc.phi_many(hidden, (0,))
    rows = pc.phi_many([network], (1, 0, 0), row_order="big-endian")
    assert rows["phi"][0] == pc.phi(network, (1, 0, 0))
    background = pc.phi_many(network.tpm[None], (1, 0, 0), nodes=(1, 2))
    assert background["phi"][0] == pc.phi(network, (1, 0, 0), (1, 2))


def test_progress(network):
    told = []
    rng = np.random.default_rng(0)
    pc.phi(pc.Network(rng.random((32, 5))), (0,) * 5, progress=told.append)
    assert told and all(it.done <= it.total and it.phase for it in told)
    told.clear()
    pc.phi_many(rng.random((5000, 4, 2)), (0, 0), progress=told.append)
    assert told[-1].done == told[-1].total == 5000

    def refuse(progress):
        raise KeyError("enough")

    with pytest.raises(KeyError, match="enough"):
        pc.phi(pc.Network(rng.random((32, 5))), (0,) * 5, progress=refuse)


def test_a_panic_is_an_exception(capfd):
    from pyphi_core import _engine, _options

    for here in (True, False):
        with pytest.raises(pc.InternalError, match=r"run\.rs:\d+:\d+.*on purpose|on purpose"):
            _engine.fail_on_purpose(_options.options({}, 2), here)
    assert pc.phi(pc.examples.basic_network(), (1, 0, 0)) > 1.9
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


def test_actual_causation():
    network = pc.Network([[0, 0], [1, 0], [1, 0], [1, 1]], node_labels=["OR", "AND"])
    transition = pc.actual.Transition(network, (1, 0), (1, 0))
    account = transition.account(candidates=True)
    # Albantakis et al. 2019, Fig. 6.
    found = [(it.direction, it.mechanism, it.purview, round(it.alpha, 6)) for it in account.links]
    assert found == [
        ("cause", (0,), (0,), 0.415037),
        ("cause", (1,), (1,), 0.415037),
        ("cause", (0, 1), (0, 1), 0.169925),
        ("effect", (0,), (0,), 0.415037),
        ("effect", (1,), (1,), 0.415037),
    ]
    assert account.irreducibility().value == pytest.approx(0.169925, abs=1e-6)
    assert account.probability == transition.probability == 1 and account.candidates
    for it in (transition, account, account.links, account.links[0], account.irreducibility()):
        assert pickle.loads(pickle.dumps(it)) == it and repr(it)
    with pytest.raises(pc.InputError, match="unit OR has probability 0"):
        pc.actual.Transition(network, (0, 0), (1, 1))
    with pytest.raises(pc.InputError, match="scheme"):
        transition.account("some")


def test_labels_of_any_kind_are_drawn():
    network = pc.Network([[0, 0], [0, 1], [1, 0], [1, 1]], node_labels=["A&B", "<b>&c"])

    def texts(drawing, kind):
        drawn = ElementTree.fromstring(drawing.encode())
        return [it.text for it in drawn.iter("{http://www.w3.org/2000/svg}" + kind)]

    drawing = pc.Subsystem(network, (1, 0)).to_svg()
    assert {"A&B", "<b>&c"} < set(texts(drawing, "text"))
    pointed = texts(drawing, "title")
    assert "A&B: ON, in the system" in pointed and "<b>&c: OFF, in the system" in pointed
    # A network alone has no state.
    pointed = texts(network._repr_html_(), "title")
    assert "A&B: in the system" in pointed and "<b>&c: in the system" in pointed


def test_a_cut_is_drawn():
    sia = pc.sia(pc.examples.basic_network(), (1, 0, 0))
    whole, cut = pc.Subsystem(sia._network, (1, 0, 0)).to_svg(), sia.to_svg()
    assert "severed by the partition" in cut and "severed" not in whole
    assert cut[cut.index("<svg") :] in sia._repr_html_()


def test_pandas(subsystem, system):
    pytest.importorskip("pandas")
    assert list(subsystem.sia().ces.to_pandas()["mechanism"])[3] == "A,B"
    assert len(system.phi_structure().relations.to_pandas()) == 7
    assert len(system.phi_structure().distinctions.to_pandas()) == 3
    assert len(pc.complexes(subsystem.network, (1, 0, 0)).to_pandas()) == 3


def test_examples_in_the_documentation():
    import doctest
    import importlib

    seen = 0
    for name in ("pyphi_core", *(f"pyphi_core.{it}" for it in ("_network", "_system", "_many"))):
        module = importlib.import_module(name)
        found = doctest.testmod(module)
        assert found.failed == 0
        seen += found.attempted
    for module in (pc.iit3, pc.iit4, pc.macro, pc.actual):
        assert doctest.testmod(module).failed == 0
    assert seen >= 6


def test_importing_prints_nothing_and_needs_numpy_only():
    code = "import sys, pyphi_core; print(sorted({'pandas', 'tqdm', 'pyphi'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")
