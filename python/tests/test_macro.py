"""Other grains (IIT 3.0 and 4.0), and nexus and events of actual causation: the golden records, and
JSON equal to the program's."""

import copy
import json
import pickle
import subprocess

import numpy as np
import pytest
from conftest import find_program, golden

import pyphi_core as pc
from pyphi_core import macro

EQUAL = 1e-9
SYSTEMS = golden("macro_iit3_dev.json")
UNITS = golden("macro_iit4_dev.json")
SEARCHES = golden("macro_iit4_searches.json")
CAUSES = golden("actual_causation_dev.json")
FULL_3 = {"blackbox": True, "time_scales": [1, 2]}


def network_of(record):
    return pc.Network(record["tpm"], record.get("cm", "full"), name=record["name"])


@pytest.fixture
def answer(tmp_path):
    """What the program answers about one network, as a text."""
    path = find_program()
    if path is None:
        pytest.skip("the program is not built: cargo build --release --bin phi")

    def ask(command, network, *flags):
        file = tmp_path / "network.json"
        file.write_text(json.dumps(network))
        line = [path, command, str(file), "--format", "json", *flags]
        done = subprocess.run(line, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return ask


def blackbox_of(record):
    return None if record["blackbox"] is None else macro.Blackbox(*record["blackbox"])


def coarse_grain_of(record):
    if record["coarse_grain"] is None:
        return None
    groups, off = record["coarse_grain"]
    on = [[it for it in range(len(g) + 1) if it not in o] for g, o in zip(groups, off)]
    return macro.CoarseGrain(groups, list(zip(off, on)))


def place_of(record):
    """The arguments of ``macro_phi``."""
    given = {"blackbox": blackbox_of(record), "coarse_grain": coarse_grain_of(record)}
    place = network_of(record), record["state"], record["nodes"]
    return place, {**given, "time_scale": record["time_scale"]}


def test_every_macro_system():
    assert len(SYSTEMS) == 25
    for record in SYSTEMS:
        place, given = place_of(record)
        if record.get("error"):
            with pytest.raises(pc.InputError):
                macro.macro_phi(*place, **given)
            continue
        found = macro.macro_phi(*place, **given).found
        assert abs(found.phi - record["phi"]) <= EQUAL, record["name"]
        assert list(found.state) == record["macro"]["state"], record["name"]
        np.testing.assert_allclose(found.tpm, record["macro"]["tpm"], rtol=0, atol=EQUAL)
        assert found.network.cm.tolist() == record["macro"]["cm"], record["name"]
        assert found.grain.blackbox == given["blackbox"], record["name"]
        assert found.grain.coarse_grain == given["coarse_grain"], record["name"]


def names(sets):
    return "|".join(",".join(map(str, it)) for it in sets)


def test_json_of_grains_is_the_program_s(answer):
    for record in SYSTEMS[::3]:
        if record.get("error"):
            continue
        place, given = place_of(record)
        fields = ("name", "tpm", "cm", "state", "nodes")
        network = {it: record[it] for it in fields}
        flags = []
        if record["blackbox"]:
            boxes, outputs = record["blackbox"]
            flags += ["--boxes", names(boxes), "--outputs", ",".join(map(str, outputs))]
        if record["coarse_grain"]:
            groups, off = record["coarse_grain"]
            flags += ["--groups", names(groups), "--off", names(off)]
        if record["time_scale"] > 1:
            flags += ["--time-scale", str(record["time_scale"])]
        text = answer("grains", network, *flags)
        assert macro.macro_phi(*place, **given).to_json() == text
    for record in SYSTEMS[:1] + SYSTEMS[5:7]:
        place, _ = place_of(record)
        network = {it: record[it] for it in ("name", "tpm", "cm", "state")}
        assert macro.emergence(*place[:2]).to_json() == answer("grains", network)
        network["nodes"] = record["nodes"][:3]
        flags = "--black-boxes", "--time-scales", "1,2"
        found = macro.emergence(*place[:2], network["nodes"], **FULL_3)
        assert found.to_json() == answer("grains", network, *flags)
        assert found.n_grains > 1 and found.emergence >= 0
        information = macro.effective_info(place[0])
        assert information == found.effective_information
        assert float(information) == information.bits > 0


def unit_of(record):
    if isinstance(record, int):
        return record
    parts = [unit_of(it) for it in record["parts"]]
    rest = {"grain": record["grain"], "apportioned": record["apportioned"]}
    return macro.Unit(parts, table=record["mapping"], **rest)


def test_every_system_of_intrinsic_units():
    assert len(UNITS) == 36
    for record in UNITS:
        units = [unit_of(it) for it in record["units"]]
        found = macro.units(network_of(record), units, record["history"], validity=False)
        name, sia = record["name"], record["sia"]
        assert abs(found.phi - sia["phi_s"]) <= EQUAL, name
        np.testing.assert_allclose(found.cause_tpm.T, record["T_cause"], rtol=0, atol=EQUAL)
        np.testing.assert_allclose(found.effect_tpm.T, record["T_effect"], rtol=0, atol=EQUAL)
        structure = found.phi_structure
        assert list(structure.state) == record["state"] and structure.phi_s == found.phi, name
        assert abs(structure.cause.intrinsic_information - sia["ii_cause"]) <= EQUAL, name
        assert found.verdicts is None
        assert [it.micro for it in found.units] == [
            tuple(sorted(macro._micro(it.to_dict()))) for it in units if isinstance(it, macro.Unit)
        ] or any(isinstance(it, int) for it in units), name


def bounds_of(record):
    bounds = record["bounds"]
    sizes = {"micro_units": bounds["max_constituents"], "grain": bounds["max_grain"]}
    return {**sizes, "depth": bounds["depth"]}


def test_every_search_over_intrinsic_units():
    assert len(SEARCHES) == 13
    for record in SEARCHES:
        found = macro.complexes(network_of(record), record["history"], **bounds_of(record))
        name = record["name"]
        assert (found.n_units, found.n_systems) == (record["pool"], record["evaluated"]), name
        assert len(found) == len(record["complexes"]) and len(found.tied) == len(
            record["tied_tops"]
        )
        expected = sorted((it["phi_s"] for it in record["complexes"]), reverse=True)
        np.testing.assert_allclose([it.phi for it in found], expected, rtol=0, atol=EQUAL)
        verdicts = sorted(it.validity for it in found.verdicts)
        assert verdicts == sorted(it["reason"] for it in record["verdicts"]), name
        if len(found):
            assert found.major == found[0] and found.phi_structure.phi_s == found.phi, name


def test_json_of_intrinsic_units_is_the_program_s(answer):
    for record in UNITS[::6]:
        units = [unit_of(it) for it in record["units"]]
        network = network_of(record)
        fields = {"name": record["name"], "tpm": record["tpm"], "history": record["history"]}
        asked = [it if isinstance(it, int) else it.to_dict() for it in units]
        file = {**fields, "cm": network.cm.tolist(), "units": asked}
        text = answer("grains", file, "--no-validity")
        assert macro.units(network, units, record["history"], validity=False).to_json() == text
        if len(record["tpm"]) <= 16 and len(record["history"]) == 1:
            text = answer("grains", file, "--formalism", "iit4-2026", "--micro-units", "2")
            given = {"formalism": "iit4-2026", "micro_units": 2}
            assert macro.units(network, units, record["history"], **given).to_json() == text
    for record in SEARCHES[::3]:
        network, bounds = network_of(record), bounds_of(record)
        fields = {"name": record["name"], "tpm": record["tpm"], "history": record["history"]}
        file = {**fields, "cm": network.cm.tolist()}
        flags = ["--formalism", "iit4"]
        for flag in ("micro_units", "grain", "depth"):
            flags += [f"--{flag.replace('_', '-')}", str(bounds[flag])]
        found = macro.complexes(network, record["history"], **bounds)
        assert found.to_json() == answer("grains", file, *flags)


def test_every_nexus_and_every_event(answer):
    assert len(CAUSES["nexus"]) == len(CAUSES["events"]) == 10
    for record in CAUSES["nexus"]:
        network, states = network_of(record), (record["before"], record["after"])
        found = pc.actual.nexus(network, *states)
        key = lambda it: (it["cause"], it["effect"])  # noqa: E731
        all_found = sorted((it.to_dict() for it in found), key=key)
        expected = sorted(record["nexus"], key=key)
        assert [key(it) for it in all_found] == [key(it) for it in expected]
        for it, of_golden in zip(all_found, expected):
            assert abs(it["A"] - of_golden["A"]) <= EQUAL, record["name"]
        causal = pc.actual.causal_nexus(network, *states)
        assert causal == (found[0] if len(found) else None) == found.causal
        fields = ("name", "tpm", "cm", "before", "after")
        text = answer("causes", {it: record[it] for it in fields}, "--nexus")
        assert found.to_json() == text
    for record in CAUSES["events"]:
        network = network_of(record)
        states = record["previous"], record["current"], record["next"]
        found = pc.actual.true_events(network, *states, record["nodes"])
        by_mechanism = {tuple(it["mechanism"]): it for it in record["events"]}
        assert {it.mechanism for it in found} == set(by_mechanism) and len(found) == len(
            by_mechanism
        )
        for it in found:
            expected = by_mechanism[it.mechanism]
            assert abs(it.cause.alpha - expected["cause_alpha"]) <= EQUAL
            assert sorted(map(list, it.effect.purviews)) == sorted(expected["effects"])
        file = {it: record[it] for it in ("name", "tpm", "cm", "nodes")}
        file.update({"before": states[0], "after": states[1]})
        flags = ["--next", ",".join(map(str, states[2]))]
        assert found.to_json() == answer("causes", file, *flags)
        found = pc.actual.extrinsic_events(network, *states, record["nodes"])
        assert found.to_json() == answer("causes", file, *flags, "--extrinsic")


def test_transitions_of_units_of_several_values(answer):
    records = CAUSES["kary"]
    assert len(records) == 43
    for record in records:
        name, alphabet = record["name"], record["alphabet"]
        network = pc.Network(record["tpm"], record["cm"], alphabet=alphabet, name=name)
        place = record["before"], record["after"], record["cause"], record["effect"]
        account = pc.actual.Transition(network, *place).account()
        assert abs(account.sum_alpha - record["sum_alpha"]) <= EQUAL, name
        assert len(account.links) == len(record["links"]), name
        if record is records[0] or name.endswith("3"):
            fields = ("name", "alphabet", "tpm", "cm", "before", "after", "cause", "effect")
            file = {**{it: record[it] for it in fields}, "row_order": "first-unit-fastest"}
            assert account.to_json() == answer("causes", file)
            file = {it: file[it] for it in file if it not in ("cause", "effect")}
            nexus = pc.actual.nexus(network, *place[:2])
            assert nexus.to_json() == answer("causes", file, "--nexus")


def test_the_events_of_the_major_complex(answer):
    network, states = pc.examples.basic_network(), ((0, 0, 1), (1, 0, 0), (0, 0, 1))
    found = pc.actual.true_events(network, *states)
    assert found.nodes == (0, 1, 2) and found.phi == pc.phi(network, (1, 0, 0))
    file = {**network.to_dict(), "before": states[0], "after": states[1]}
    file.pop("states")
    assert found.to_json() == answer("causes", file, "--next", "0,0,1")
    with pytest.raises(pc.InputError, match="no units have Φ > 0"):
        pc.actual.true_events(pc.Network(np.zeros((4, 2))), (0, 0), (0, 0), (0, 0))


@pytest.fixture
def minimal():
    tpm = [[0.05, 0.05], [0.05, 0.06], [0.06, 0.05], [0.95, 0.95]]
    return pc.Network(tpm, node_labels=["A", "B"])


def test_results_are_values(minimal):
    unit = macro.Unit(["A", "B"], coarse=[2])
    record = SYSTEMS[0]
    place, given = place_of(record)
    both = [
        [
            unit,
            given["coarse_grain"],
            macro.Blackbox([(0, 1), (2,)], (1, 2)),
            macro.units(minimal, [unit], (0, 0)),
            macro.complexes(minimal, (0, 0)),
            macro.complexes(minimal, (0, 0))[0],
            macro.units(minimal, [unit], "00").verdicts[0],
            macro.units(minimal, [unit], ["00"]).units[0],
            macro.macro_phi(*place, **given),
            macro.macro_phi(*place, **given).found,
            macro.emergence(*place[:2]),
            macro.effective_info(minimal),
            pc.actual.nexus(minimal, (1, 1), (1, 1)),
            pc.actual.true_events(minimal, (1, 1), (1, 1), (1, 1), (0, 1)),
        ]
        for _ in range(2)
    ]
    for first, second in zip(*both):
        assert first == second and hash(first) == hash(second) and repr(first)
        for other in (pickle.loads(pickle.dumps(first)), copy.deepcopy(first)):
            assert type(other) is type(first) and other == first and repr(other) == repr(first)
        with pytest.raises(AttributeError):
            first.phi = 3
    assert macro.units(minimal, [unit.to_dict()], (0, 0)) == both[0][3]
    assert repr(unit) == "Unit({A,B} coarse [2])"


def test_what_is_wrong_is_said(minimal):
    unit = macro.Unit(["A", "B"], coarse=[2])
    for call, message in [
        (lambda: macro.Unit(["A"]), "mapping: none, expected one of coarse, blackbox and table"),
        (lambda: macro.Unit(["A"], coarse=[1], table=[0, 1]), "mapping: coarse, table"),
        (lambda: macro.units(minimal, [macro.Unit(["Z"], coarse=[1])], (0, 0)), 'no unit "Z"'),
        (lambda: macro.units(minimal, [unit], [(0, 0), (0, 0), "x"]), "state"),
        (lambda: macro.units(minimal, [unit]), "history: missing"),
        (lambda: macro.units(minimal, [unit, 0], (0, 0)), "unit"),
        (lambda: macro.complexes(minimal, (0, 0), grain=2), "history: 1 states, expected 2"),
        (lambda: macro.complexes(minimal, (0, 0), mappings="x"), "mappings"),
        (lambda: macro.complexes(minimal, (0, 0), micro_units=99), "micro_units: 99, expected 1"),
        (lambda: macro.complexes(minimal, (0, 0), formalism="iit3"), "expected one of IIT 4.0"),
        (lambda: macro.macro_phi(minimal, (0, 0)), "blackbox and coarse_grain: none"),
        (lambda: macro.macro_phi(minimal, (0, 0), blackbox=macro.Blackbox([(0,)], (0,))), "."),
        (lambda: macro.emergence(minimal, (0, 0), time_scales=(1, 2)), "blackbox=True"),
        (lambda: macro.emergence(minimal, (0, 0), measure="L1"), "as published"),
        (lambda: macro.CoarseGrain([(0, 1)], [[[0], [2]]]), "expected each of 0 to 2 in one"),
        (lambda: pc.actual.nexus(minimal, (0, 0), (0, 0), scheme="x"), "scheme"),
        (lambda: pc.actual.nexus(minimal, (0, 0), (0, 0), background="x"), "background"),
    ]:
        with pytest.raises(pc.InputError, match=message):
            call()
    for call in (
        lambda: macro.macro_phi(minimal, (0, 0), blackbox=3),
        lambda: macro.CoarseGrain([(0, 1)], [3]),
        lambda: macro.Blackbox(3, 4),
        lambda: macro.Unit(3, coarse=[1]),
        lambda: macro.Unit([None], coarse=[1]),
        lambda: macro.complexes(minimal, (0, 0), grain="a"),
        lambda: macro.complexes(minimal, 7),
        lambda: macro.complexes(3, (0, 0)),
        lambda: pc.actual.nexus(3, (0, 0), (0, 0)),
    ):
        with pytest.raises(TypeError):
            call()
    several = pc.Network([[[1, 0, 0]]] * 3, alphabet=[3])
    sentence = r"alphabet \(3\): {} is for units with two values only, expected 2 each"
    with pytest.raises(pc.InputError, match=sentence.format("a grain")):
        macro.complexes(several, (0,))
    with pytest.raises(pc.InputError, match=sentence.format("a grain")):
        macro.emergence(several, (0,))


def test_limits_of_searches():
    rng = np.random.default_rng(0)
    network = pc.Network(rng.random((1 << 8, 8)))
    with pytest.raises(TimeoutError, match=r"time limit of 0\.100 s"):
        macro.complexes(network, [(0,) * 8] * 2, grain=2, apportioned=2, time_limit=0.1)
    with pytest.raises(MemoryError):
        macro.complexes(network, (0,) * 8, memory_limit=1000)
    with pytest.raises(TimeoutError, match=r"time limit of 0\.100 s"):
        macro.emergence(network, (0,) * 8, time_limit=0.1)
    with pytest.raises(TimeoutError, match=r"time limit of 0\.010 s"):
        macro.effective_info(pc.Network(rng.random((1 << 16, 16))), time_limit=0.01)
    with pytest.raises(MemoryError):
        pc.actual.nexus(network, (0,) * 8, (1,) * 8, memory_limit=1000)
    told = []
    macro.complexes(
        pc.Network(rng.random((16, 4))), [(0,) * 4] * 2, grain=2, progress=told.append
    )
    assert all(it.done <= it.total and it.phase for it in told)


def test_a_unit_of_a_mapping_is_shown_and_equal_to_the_whole_one():
    short = {"parts": [np.int64(0), 1], "mapping": {"coarse": [2]}}
    whole = {**short, "parts": [0, 1], "grain": 1, "apportioned": []}
    units = [pc.macro.Unit([it], table=[0, 1]) for it in (short, whole)]
    assert units[0] == units[1] and hash(units[0]) == hash(units[1])
    assert "coarse [2]" in repr(units[0])
