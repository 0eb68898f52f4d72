"""All golden records, through Python: at 1e-9, and JSON equal to the program's."""

import json

import numpy as np
import pytest
from conftest import golden

import pyphi_core as pc

EQUAL = 1e-9
IIT3 = golden("iit3_dev.json") + golden("iit3_dev_n5.json")
IIT4 = golden("iit4_dev.json") + golden("iit4_papers.json")
FORMALISMS = {"iit4_2023": "iit4-2023", "iit4_2026": "iit4-2026"}


def network_of(record):
    return pc.Network(record["tpm"], record["cm"], name=record.get("name"))


def is_near(a, b):
    return a == b or abs(a - b) <= EQUAL


def same_structure(found, expected):
    assert [list(it.mechanism) for it in found] == [it["mechanism"] for it in expected]
    for concept, record in zip(found, expected):
        assert is_near(concept.phi, record["phi"])
        for core, side in ((concept.cause, record["cause"]), (concept.effect, record["effect"])):
            assert list(core.purview) == side["purview"]
            assert is_near(core.phi, side["phi"])
            flat = core.repertoire.flatten(order="F")
            np.testing.assert_allclose(flat, side["repertoire"], rtol=0, atol=EQUAL)


def test_every_record_of_iit_3():
    assert len(IIT3) == 132
    for record in IIT3:
        system = pc.Subsystem(network_of(record), record["state"], record["nodes"])
        sia = system.sia(count_ties=True)
        assert is_near(sia.phi, record["phi"]), record["name"]
        cut = record["cut"]
        if record["phi"] > 0:
            assert sia.cut == pc.Cut(cut["severed_from"], cut["severed_to"]), record["name"]
            same_structure(sia.partitioned_ces, record["partitioned_ces"])
            assert sia.purview_ties == record["purview_ties"]
        if len(sia.ces):
            same_structure(sia.ces, record["ces"])
        # The structure by itself is there where Φ = 0 without a search, too.
        same_structure(system.ces(), record["ces"] or system.ces().to_dict())
        assert system.phi() == sia.phi


def test_json_of_iit_3_is_the_program_s(program):
    for record, text in zip(IIT3, program(IIT3)):
        system = pc.Subsystem(network_of(record), record["state"], record["nodes"])
        assert system.sia(count_ties=True).to_json() == text


def systems_of_iit_4():
    for record in IIT4:
        yield (
            record,
            pc.System(
                network_of(record),
                record["state"],
                record["nodes"],
                formalism=FORMALISMS[record["preset"]],
                ties="pyphi",
            ),
        )


def test_every_record_of_iit_4():
    assert len(IIT4) == 190
    for record, system in systems_of_iit_4():
        found = system.phi_structure()
        name = record["name"], record["preset"]
        fields = [it for it in ("phi_s", "sum_phi_d", "sum_phi_r", "big_phi") if it in record]
        for field in fields:
            assert is_near(found.to_dict()[field], record[field]), (name, field)
        assert is_near(system.phi(), record["phi_s"]), name
        if "distinctions" not in record:
            continue
        assert found.n_relations == int(record["n_relations"]), name
        mechanisms = [it["mechanism"] for it in record["distinctions"]]
        assert [list(it.mechanism) for it in found.distinctions] == mechanisms, name
        for distinction, expected in zip(found.distinctions, record["distinctions"]):
            assert is_near(distinction.phi, expected["phi_d"]), name
            assert is_near(distinction.cause.phi, expected["cause"]["phi"]), name
            assert is_near(distinction.effect.phi, expected["effect"]["phi"]), name


@pytest.mark.parametrize("formalism", ["iit4-2023", "iit4-2026"])
@pytest.mark.parametrize("ties", ["pyphi", "principled", "max-phi"])
def test_json_of_iit_4_is_the_program_s(program, formalism, ties):
    records = [it for it in IIT4 if FORMALISMS[it["preset"]] == formalism]
    texts = program(records, "--formalism", formalism, "--ties-policy", ties)
    for record, text in zip(records, texts):
        place = network_of(record), record["state"], record["nodes"]
        found = pc.System(*place, formalism=formalism, ties=ties).phi_structure()
        assert found.to_json() == text


def test_json_of_other_questions_is_the_program_s(program):
    records = IIT3[::7]
    for record, text in zip(records, program(records, "--complexes")):
        network = network_of(record)
        found = pc.complexes(network, record["state"], count_ties=True, ranges=True)
        assert found.to_json() == text
    for record, text in zip(records, program(records, "--ties")):
        system = pc.Subsystem(network_of(record), record["state"], record["nodes"])
        found = json.loads(text)
        own = system.spectrum(count_ties=True, numberings=1000).to_dict()
        assert own["spectrum"] == found["spectrum"]
        assert own["phi"] == found["phi"]
    records = [it for it in IIT4 if it["preset"] == "iit4_2023"][::9]
    texts = program(records, "--formalism", "iit4-2023", "--complexes")
    for record, text in zip(records, texts):
        found = pc.complexes(network_of(record), record["state"], formalism="iit4-2023")
        assert found.to_json() == text


def test_phi_many_is_phi():
    by_size = {}
    for record in IIT3:
        if len(record["nodes"]) == len(record["state"]):
            by_size.setdefault(len(record["state"]), []).append(record)
    assert by_size
    for records in by_size.values():
        networks = [network_of(it) for it in records]
        states = [it["state"] for it in records]
        rows = pc.phi_many(networks, states)
        np.testing.assert_allclose(rows["phi"], [it["phi"] for it in records], rtol=0, atol=EQUAL)
        assert rows["exact"].all() and not rows["unreachable"].any()
        for network, state, row in zip(networks, states, rows):
            sia = pc.sia(network, state)
            assert (row["phi"], row["ties"]) == (sia.phi, sia.ties)
            if sia.cut is not None:
                sides = sia.cut.from_nodes, sia.cut.to_nodes
                masks = [sum(1 << it for it in side) for side in sides]
                assert [row["cut_from"], row["cut_to"]] == masks
        rows = pc.phi_many(networks, states, formalism="iit4-2023", structure=True)
        for network, state, row in zip(networks, states, rows):
            found = pc.phi_structure(network, state)
            assert (row["phi"], row["big_phi"]) == (found.phi_s, found.big_phi)


def test_every_account():
    """Actual causation."""
    records = golden("actual_causation_dev.json")["accounts"]
    assert len(records) == 90
    for record in records:
        sides = record["cause"], record["effect"]
        transition = pc.actual.Transition(
            network_of(record), record["before"], record["after"], *sides
        )
        account = transition.account()
        name = record["name"]
        assert is_near(account.probability, record["transition_probability"]), name
        assert is_near(account.sum_alpha, record["sum_alpha"]), name
        found = {(it.direction, it.mechanism): it for it in account.links}
        assert len(found) == len(record["links"]), name
        for link in record["links"]:
            it = found[link["direction"], tuple(link["mechanism"])]
            assert is_near(it.alpha, link["alpha"]), name
            assert is_near(it.probability, link["probability"]), name
            assert sorted(map(list, it.purviews)) == sorted(link["purviews"]), name
        for side, expected in (record.get("account_irreducibility") or {}).items():
            assert is_near(account.irreducibility(side).value, expected["A"]), name


def test_variants_of_pyphi():
    """The results of PyPhi 1.2.0 when it is set otherwise than by default."""
    names = {
        "MEASURE": "measure",
        "PARTITION_TYPE": "partitions",
        "CES_DISTANCE": "ces_distance",
        "PICK_SMALLEST_PURVIEW": "smallest_purview",
        "ASSUME_CUTS_CANNOT_CREATE_NEW_CONCEPTS": "no_new_concepts",
        "CUT_ONE_APPROXIMATION": "cut_one",
    }
    seen = 0
    for record in golden("pyphi_1_2_variants.json"):
        system = pc.Subsystem(network_of(record), record["state"])
        for case in record["big_phi"]:
            settings = {names[it]: value for it, value in case["variant"].items()}
            # Its noise breaks ties for the smallest purview: docs/coming-from-pyphi.md.
            if case.get("phi") is None or "smallest_purview" in settings:
                continue
            # PyPhi's transport is good to some 5e-6.
            assert abs(system.phi(**settings) - case["phi"]) < 1e-4
            seen += 1
    assert seen > 10
