"""Pictures and pages are those of the program, with the numbers of the results."""

import json
import pickle
import xml.etree.ElementTree as tree

import pytest

import pyphi_core as pc

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def structure():
    network = pc.examples.fig1_albantakis2023()
    return pc.System(network, (0, 1, 1), (0, 1)).phi_structure()


def titles(picture):
    """The texts of marks that can be pointed at, and the titles of drawings."""
    root = tree.fromstring(str(picture).encode())
    return [it.text for it in root.iter(f"{SVG}title")], [it.text for it in root.iter(f"{SVG}text")]


def data(page):
    """The data that the script of a page reads."""
    after = str(page).split('id="data">', 1)[1]
    return json.loads(after.split("</script>", 1)[0])


def test_a_structure_is_drawn_with_its_numbers(structure, tmp_path):
    picture = structure.plot()
    pointed, texts = titles(picture)
    assert any(f"φ_s = {structure.phi:.6f}, Φ = {structure.big_phi:.6f}" in it for it in texts)
    for it in structure.distinctions:
        units = ",".join(structure._network.labels(it.mechanism))
        assert f"φ of {{{units}}}: {it.phi:.6f}" in pointed
        assert any(f"φ = {it.cause.phi:.6f}; φ_d = {it.phi:.6f}" in shown for shown in pointed)
    assert any(f"{structure.n_relations} relations" in it for it in texts)
    assert picture._repr_svg_() == str(picture) == str(structure.plot())
    assert pickle.loads(pickle.dumps(picture)) == picture
    picture.save(tmp_path / "figure.svg")
    assert (tmp_path / "figure.svg").read_text(encoding="utf-8") == str(picture)
    assert str(structure.plot(dark=True)) != str(picture)
    only = structure.plot("lattice")
    assert len(str(only)) < len(str(picture))


def test_an_analysis_of_iit3_is_drawn_as_it_was_set():
    subsystem = pc.Subsystem(pc.examples.basic_network(), (1, 0, 0))
    _, texts = titles(subsystem.sia().plot(["graph", "structure", "partitioned", "states"]))
    assert any("Φ = 1.916667 in state (1,0,0)" in it for it in texts)
    assert any("2 of 6 concepts are left by {A,B} → {C}" in it for it in texts)
    by_l1 = subsystem.sia(measure="L1")
    assert by_l1.phi != pytest.approx(1.916667)
    _, texts = titles(by_l1.plot())
    assert any(f"Φ = {by_l1.phi:.6f}" in it for it in texts)


def test_a_page_has_the_numbers_of_the_results(structure, tmp_path):
    network = pc.examples.fig1_albantakis2023()
    page = network.explore((0, 1, 1), (0, 1), states="given")
    found = data(page)
    assert len(found["states"]) == 1
    expected = structure.to_dict()
    for field in ("phi_s", "big_phi", "sum_phi_r", "distinctions", "partition"):
        assert found["states"][0]["iit4"][field] == expected[field], field
    sia = pc.Subsystem(network, (0, 1, 1), (0, 1)).sia()
    assert found["states"][0]["iit3"]["phi"] == sia.phi
    assert len(data(network.explore(formalism="iit3"))["states"]) == 8
    framed = page._repr_html_()
    assert framed.count("<") == 2 and 'sandbox="allow-scripts"' in framed
    page.save(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == str(page)


def test_hostile_names_are_text():
    network = pc.Network(
        pc.examples.basic_network().tpm,
        node_labels=["<script>alert(1)</script>", "</text>&amp;\u202e", "C"],
    )
    sia = pc.Subsystem(network, (1, 0, 0)).sia()
    pointed, _ = titles(sia.plot(["graph", "structure", "complexes", "tpm", "cm"]))
    assert any("<script>" in it for it in pointed)
    assert "<script" not in str(sia.plot()) and "\u202e" not in str(sia.plot())
    good = str(pc.examples.basic_network().explore()).split('id="data"')
    evil = str(network.explore((0, 0, 0))).split('id="data"')
    assert [it.count("<script") for it in good] == [it.count("<script") for it in evil]
    assert "\u202e" not in "".join(evil)


def test_what_cannot_be_drawn_is_said(structure):
    with pytest.raises(ValueError, match="show: \"x\", expected of graph, structure"):
        structure.plot("x")
    with pytest.raises(ValueError, match="partitioned under IIT 4.0"):
        structure.plot("partitioned")
    with pytest.raises(TypeError, match=r"show: \[3\], expected names"):
        structure.plot([3])
    network = pc.examples.basic_network()
    with pytest.raises(ValueError, match="formalism: iit5, expected one of"):
        network.explore(formalism="iit5")
    with pytest.raises(ValueError, match="states: \"some\", expected given"):
        network.explore(states="some")
    with pytest.raises(TypeError, match=r"ends with \.svg"):
        structure.plot().save("figure.png")
