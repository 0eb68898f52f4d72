"""Units of more than two values: the golden records, the forms of a network, and what is refused
with the sentences of the program."""

import copy
import json
import pickle

import numpy as np
import pytest
from conftest import golden

import pyphi_core as pc

EQUAL = 1e-9
RECORDS = golden("multivalued.json")
AID = {"measure": "AID", "partitions": "TRI", "ces_distance": "ABSOLUTE_SUM_SMALL_PHI"}


def network_of(record):
    return pc.Network(
        record["tpm"], record["cm"], name=record["name"], alphabet=record["alphabet"]
    )


def is_near(a, b):
    return a == b or abs(a - b) <= EQUAL


def same_structure(found, expected, name):
    mechanisms = [it["mechanism"] for it in expected["distinctions"]]
    assert [list(it.mechanism) for it in found.distinctions] == mechanisms, name
    for distinction, record in zip(found.distinctions, expected["distinctions"]):
        assert is_near(distinction.phi, record["phi"]), name
        for mice, side in ((distinction.cause, "cause"), (distinction.effect, "effect")):
            assert list(mice.purview) == record[side]["purview"], name
            assert list(mice.state) == record[side]["state"], name
            assert is_near(mice.phi, record[side]["phi"]), name
    for field in ("sum_phi_d", "sum_phi_r", "big_phi"):
        assert is_near(found.to_dict()[field], expected[field]), (name, field)
    assert found.n_relations == expected["n_relations"], name


def test_every_record_of_iit_4():
    assert len(RECORDS) == 48
    for record in RECORDS:
        name, expected = record["name"], record["iit4"]
        network, state, nodes = network_of(record), record["state"], record["nodes"]
        system = pc.System(network, state, nodes, ties="pyphi")
        assert is_near(system.phi(), expected["phi_s"]), name
        if expected["phi_s_2026"] is not None:
            capped = pc.System(network, state, nodes, formalism="iit4-2026", ties="pyphi")
            assert is_near(capped.phi(), expected["phi_s_2026"]), name
        found = system.phi_structure()
        same_structure(found, expected["structure"], name)
        if found.cause is not None:
            assert list(found.cause.state) == expected["cause_state"], name
            assert is_near(found.effect.intrinsic_information, expected["ii_effect"]), name
        principled = record["iit4"].get("structure_principled") or expected["structure"]
        found = pc.System(network, state, nodes, ties="principled").phi_structure()
        same_structure(found, principled, name)
        # As they are found one by one, the relations are the same.
        if found.n_relations < 2000:
            phis = [it.phi for it in found.relations]
            assert len(phis) == found.n_relations, name
            assert is_near(sum(phis), found.sum_phi_r), name


def test_every_record_of_iit_3():
    seen = 0
    for record in RECORDS:
        for field, settings in (("iit3_emd", {}), ("iit3_aid", AID)):
            expected = record.get(field)
            if not expected:
                continue
            name = record["name"], field
            system = pc.Subsystem(network_of(record), record["state"])
            sia = system.sia(**settings)
            assert is_near(sia.phi, expected["phi"]), name
            if expected["cut"] is not None and expected["cut_ties"] == 1:
                assert sia.cut == pc.Cut(*expected["cut"]), name
            seen += 1
            if expected["reason"] is not None:
                # Without a search no structure was listed.
                continue
            ces = system.ces(**settings)
            assert [list(it.mechanism) for it in ces] == [
                it["mechanism"] for it in expected["ces"]
            ], name
            for concept, its in zip(ces, expected["ces"]):
                assert is_near(concept.phi, its["phi"]), name
                assert list(concept.cause_purview) == its["cause"], name
                flat = concept.effect_repertoire.flatten(order="F")
                np.testing.assert_allclose(flat, its["effect_repertoire"], rtol=0, atol=EQUAL)
    assert seen == 80


def test_json_is_the_program_s(program):
    fields = {"row_order": "first-unit-fastest"}
    records = [{**it, **fields} for it in RECORDS]
    for formalism in ("iit4-2023", "iit4-2026"):
        texts = program(records, "--formalism", formalism)
        for record, text in zip(records, texts):
            place = network_of(record), record["state"], record["nodes"]
            assert pc.System(*place, formalism=formalism).phi_structure().to_json() == text
    # Under IIT 3.0 some are in a state that only the system of IIT 4.0 can be in.
    whole = [it for it in records if it.get("iit3_emd")]
    for flags, settings in (((), {}), (("--settings", "iit3-aid"), AID)):
        for record, text in zip(whole, program(whole, *flags)):
            sia = pc.Subsystem(network_of(record), record["state"]).sia(count_ties=True, **settings)
            assert sia.to_json() == text
    texts = program(records[:12], "--formalism", "iit4-2023", "--complexes")
    for record, text in zip(records, texts):
        found = pc.complexes(network_of(record), record["state"], formalism="iit4-2023")
        assert found.to_json() == text


@pytest.fixture
def network():
    """P, with three values, and Q: P copies whether Q is on as 2, Q is on if P is not 0."""
    rows = [[2 * q, int(p > 0)] for q in range(2) for p in range(3)]
    return pc.Network(rows, node_labels=["P", "Q"], values=[["no", "low", "high"], ["off", "on"]])


def test_the_same_network_in_every_form(network):
    assert network.alphabet == (3, 2) and network.num_states == 6 and network.size == 2
    assert network.values == (("no", "low", "high"), ("off", "on"))
    assert list(network.all_states())[:4] == [(0, 0), (1, 0), (2, 0), (0, 1)]
    assert network.tpm.shape == (6, 5)
    assert [it.shape for it in network.marginals] == [(3, 2, 3), (3, 2, 2)]
    assert network.marginals[0][1, 1].tolist() == [0, 0, 1]
    rows = network.tpm
    by_state = np.array([np.outer(it[3:], it[:3]).reshape(-1) for it in rows])
    forms = [
        rows,
        rows.tolist(),
        rows.astype(np.float32),
        [[row[:3].tolist(), row[3:].tolist()] for row in rows],
        [(row[:3], row[3:]) for row in rows],
        by_state,
        network.marginals,
        [it.tolist() for it in network.marginals],
    ]
    given = {"node_labels": ["P", "Q"], "values": network.values}
    for tpm in forms:
        assert pc.Network(tpm, network.cm, alphabet=(3, 2), **given) == network
    reordered = [rows[[values[0] + 3 * values[1]]][0] for values in np.ndindex(3, 2)]
    assert pc.Network(reordered, alphabet=(3, 2), row_order="big-endian", **given) == network
    for other in (pickle.loads(pickle.dumps(network)), copy.deepcopy(network)):
        assert other == network and hash(other) == hash(network)
        assert other.values == network.values
    assert "alphabet=(3, 2)" in repr(network)
    # Two values each, in the forms of more values.
    basic = pc.examples.basic_network()
    assert pc.Network(basic.marginals, basic.cm, alphabet=(2, 2, 2)).tpm.tolist() == (
        basic.tpm.tolist()
    )
    assert pc.Network(basic.tpm, basic.cm, alphabet=(2, 2, 2)) == pc.Network(basic.tpm, basic.cm)
    pair = pc.Network(np.eye(3)[[[1], [2], [0]]], alphabet=[3])
    assert pair.tpm.tolist() == np.eye(3)[[1, 2, 0]].tolist()


def test_states_by_value_and_by_name(network):
    for state in ((2, 1), "21", "2,1", "(2, 1)", "high,on", ["high", 1], np.array([2.0, 1.0])):
        assert pc.System(network, state).state == (2, 1)
    for state in ((3, 0), (2, 1, 0), "2", (2, -1), (2, 0.5), ("huge", "on"), 7, (300, 0)):
        with pytest.raises((pc.InputError, TypeError), match="state|value"):
            pc.System(network, state)
    with pytest.raises(pc.InputError) as error:
        pc.System(network, (3, 0))
    assert error.value.kind == "StateValue" and "0 to 2" in str(error.value)


def test_every_question_has_an_answer(network):
    subsystem, system = pc.Subsystem(network, (2, 1)), pc.System(network, (2, 1))
    for it in (subsystem, system):
        assert it.mechanism((0, 1)).mechanism == (0, 1)
        assert it.find_mip("cause", "P", "Q").phi >= 0
        assert it.find_mip("effect", "Q", "P").repertoire.shape == (3, 1)
        assert pickle.loads(pickle.dumps(it)) == it and it.to_svg()
        assert it.mechanism("P").to_dict()["alphabet"] == [3, 2]
        assert it.sia()._repr_html_()
    assert subsystem.cause_repertoire("Q", "P").shape == (3, 1)
    assert subsystem.cause_repertoire("Q", "P").sum() == pytest.approx(1)
    assert subsystem.unconstrained_cause_repertoire("P").flatten() == pytest.approx([1 / 3] * 3)
    ces = subsystem.ces()
    assert len(ces)
    for concept in ces:
        assert subsystem.concept(concept.mechanism) == concept
        assert subsystem.mic(concept.mechanism).purview == concept.cause_purview
        assert subsystem.mie(concept.mechanism).purview == concept.effect_purview
    assert subsystem.conceptual_info() > 0
    sia = subsystem.sia()
    assert subsystem.evaluate_cut(pc.Cut([0], [1])).phi >= sia.phi
    other = pc.Subsystem(network, (0, 0))
    assert pc.ces_distance(subsystem, other).distance > 0
    structure = system.phi_structure()
    assert system.evaluate_partition(structure.partition).phi == structure.phi_s
    assert system.spectrum().spectrum["proven"]
    assert "svg" in str(structure.plot()) and "html" in str(network.explore((2, 1)))
    for distinction in structure.distinctions:
        # Which of those that tie, is chosen with the whole structure.
        assert system.distinction(distinction.mechanism).phi == distinction.phi
    relation = next(iter(structure.relations))
    assert pickle.loads(pickle.dumps(relation)) == relation and relation.faces()
    assert any(value == 2 for it in structure.relations for _, value in it.overlap)


def test_what_caused_what(network):
    account = pc.actual.Transition(network, (2, 1), "high,on").account()
    assert len(account.links) and account.to_dict()["alphabet"] == [3, 2]
    assert len(pc.actual.nexus(network, (2, 1), (2, 1)))
    events = pc.actual.true_events(network, (2, 1), (2, 1), (2, 1), (0, 1))
    assert events[0].cause.alpha > 0


def test_what_ties_allow():
    rows = [[2, 0, 1], [2, 0, 0], [2, 1, 0], [2, 0, 1], [2, 0, 1], [2, 1, 1]]
    rows += [[0, 0, 1], [0, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1], [0, 1, 1]]
    names = [["none", "some", "much"], ["off", "on"], ["off", "on"]]
    p53 = pc.Network(rows, alphabet=(3, 2, 2), values=names)
    found = pc.Subsystem(p53, "none,off,on").spectrum()
    assert found.spectrum["proven"] and found.to_dict()["values"] == names
    values = [it["phi"] for it in found.spectrum["values"]]
    assert values == pytest.approx([2 / 9, 1 / 3, 17 / 48])
    assert found.phi == pytest.approx(values[1])
    least = pc.Subsystem(p53, (0, 0, 1)).spectrum(rule="smallest").spectrum["smallest"]
    assert least["at_least"] >= values[0] - 1e-9
    copies = pc.Network([[it // 3, it % 3] for it in range(9)], alphabet=(3, 3))
    found = pc.complexes(copies, (1, 2), ranges=True)
    assert found.major.phi == pytest.approx(16 / 9)
    assert found.to_dict()["major_over_ties"]["could_change"] is False


def test_what_is_refused(network):
    sentence = r"alphabet \(3,2\): {} is for units with two values only, expected 2 each"
    with pytest.raises(pc.InputError, match=sentence.format("a grain")) as error:
        pc.macro.emergence(network, (2, 1))
    assert error.value.kind == "Input"
    distribution = [[[1, 0, 0], [1, 0]]] * 6
    for alphabet, tpm, message in [
        ((3, 1), distribution, r"alphabet\[1\]: 1, expected 2 to 256 values"),
        ((), distribution, "alphabet: no units"),
        ((3, 2), distribution[:5], "tpm: 5 items, expected 6 rows"),
        ((3, 2), [[[0.5, 0, 0], [1, 0]]] * 6, "tpm: row 0, unit 0: "),
        ((3, 2), [[[float("nan"), 0, 0], [1, 0]]] * 6, "tpm: unit 0: at .0, 0.: nan"),
        ((3, 2), np.full((6, 5), np.inf), "tpm: at .0, 0.: inf"),
        ((3, 2), np.zeros((6, 4)), r"tpm: an array of shape \(6, 4\), expected 6 rows"),
        ((3, 2), [[3, 0]] * 6, r"next: row 0\[0\]: expected a value from 0 to 2, found 3"),
        ((3, 2), [[0.5, 0]] * 6, r"next: row 0\[0\]: expected a value from 0 to 2, found 0.5"),
        ((256,) * 4, distribution, "expected"),
    ]:
        with pytest.raises(pc.InputError, match=message):
            pc.Network(tpm, alphabet=alphabet)
    for tpm in (None, "x", [[["a", 0, 0], [1, 0]]] * 6, [[[1, 0, 0], [[1], 0]]] * 6, object()):
        with pytest.raises((pc.InputError, TypeError)):
            pc.Network(tpm, alphabet=(3, 2))
    with pytest.raises(TypeError, match="alphabet: 3"):
        pc.Network(distribution, alphabet=3)
    with pytest.raises(pc.InputError, match="values"):
        pc.Network(distribution, alphabet=(3, 2), values=[["a", "b"], ["c", "d"]])
    with pytest.raises(TypeError, match="values"):
        pc.Network(distribution, values=[[1, 2, 3], [4, 5]])


def test_many():
    records = [it for it in RECORDS if len(it["state"]) == 3 and len(it["nodes"]) == 3]
    assert len({tuple(it["alphabet"]) for it in records}) > 3
    networks, states = [network_of(it) for it in records], [it["state"] for it in records]
    rows = pc.phi_many(networks, states, formalism="iit4-2023", structure=True)
    for record, network, row in zip(records, networks, rows):
        found = pc.phi_structure(network, record["state"])
        assert (row["phi"], row["big_phi"]) == (found.phi_s, found.big_phi)
    rows = pc.phi_many(networks, states)
    for record, row in zip(records, rows):
        expected = record.get("iit3_emd")
        if expected and not row["unreachable"]:
            assert is_near(row["phi"], expected["phi"]), record["name"]
    states[1] = [9, 0, 0]
    with pytest.raises(pc.InputError, match="states: network 1, unit 0: 9.0, expected a value"):
        pc.phi_many(networks, states)
    with pytest.raises(pc.InputError, match="cm: with networks of units of more than two values"):
        pc.phi_many(networks, [0, 0, 0], np.ones((3, 3)))


def test_a_large_alphabet_can_be_stopped():
    """Few units of many values are not small."""
    rng = np.random.default_rng(0)
    marginals = [rng.dirichlet(np.ones(24), (24, 24)) for _ in range(2)]
    network = pc.Network(marginals, alphabet=(24, 24))
    told = []
    pc.phi(network, (0, 0), formalism="iit4-2023", progress=told.append)
    with pytest.raises(pc.MemoryLimitError):
        pc.phi(network, (0, 0), formalism="iit4-2023", memory_limit=1000)
    assert json.loads(network.to_json())["alphabet"] == [24, 24]


def test_a_state_by_state_table_of_two_units_of_two_values():
    # As many states as values of all units: what the rows add up to tells.
    names = [["off", "on"]] * 2
    by_state = pc.Network(np.eye(4), values=names)
    by_value = pc.Network([[1, 0, 1, 0], [0, 1, 1, 0], [1, 0, 0, 1], [0, 1, 0, 1]], values=names)
    assert np.array_equal(by_state.tpm, by_value.tpm)
