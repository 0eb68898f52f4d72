"""Files, names, lists and arrays that could do harm."""

import copy
import errno
import itertools
import json
import os
import pickle
import re
import signal
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest

import pyphi_core as pc
from pyphi_core import _arguments, _files, _memory, _network

POSIX = pytest.mark.skipif(os.name != "posix", reason="no links, pipes and limits of this kind")
COPIES = [[0, 0], [0, 1], [1, 0], [1, 1]]
#: By the rule of the program: control characters, marks of the direction, what is no character.
HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029\ufffe\ufeff]")
EVIL = "a\u202eb\ufffe<i>"


# --- Names ----------------------------------------------------------------------------------------

NAMES = [
    *("", "A", "Φ", "a\x1b[2J\nb", "\x00", "\x7f", "\x9b2J", "x" * 256, "x" * 257, "x" * 70_000),
    *(EVIL, "\ud800", "'\"\\", "\u2028"),
]


def every_way(network, folder):
    """The network as it comes back from everything that keeps it."""
    path = folder / "network.json"
    network.save(path)
    yield pc.Network.load(path)
    yield pc.Network.from_json(network.to_json())
    yield pickle.loads(pickle.dumps(network))
    yield copy.deepcopy(network)


@pytest.mark.parametrize("name", NAMES, ids=[ascii(it)[:20] for it in NAMES])
@pytest.mark.parametrize(
    "make",
    [
        lambda it: pc.Network(COPIES, name=it),
        lambda it: pc.Network(COPIES, name=it, alphabet=(2, 2)),
        lambda it: pc.Network(COPIES, node_labels=[it, "B"]),
        lambda it: pc.Network(COPIES, node_labels=[it, "B"], alphabet=(2, 2)),
        lambda it: pc.Network(COPIES, values=[[it, "on"], ["off", "on"]]),
    ],
    ids=["name", "name of values", "label", "label of values", "value"],
)
def test_a_name_that_is_taken_comes_back(make, name, tmp_path):
    try:
        network = make(name)
    except pc.InputError as error:
        assert "expected" in str(error) and not HIDDEN.search(str(error))
        return
    for it in every_way(network, tmp_path):
        assert it == network and it.name == network.name
        assert it.node_labels == network.node_labels and it.values == network.values


@pytest.mark.parametrize("name", ["a\x1b\nb", "x" * 300, "\ud800"], ids=["control", "long", "half"])
def test_a_name_that_no_file_may_have_is_refused(name):
    for more in ({}, {"alphabet": (2, 2)}):
        with pytest.raises(pc.InputError, match="^name: .*expected"):
            pc.Network(COPIES, name=name, **more)


def hostile_results():
    network = pc.Network(
        pc.examples.basic_network().tpm, node_labels=[EVIL, "B", "C"], name=f"n{EVIL}"
    )
    state = (1, 0, 0)
    subsystem, system = pc.Subsystem(network, state), pc.System(network, state)
    sia, structure = subsystem.sia(), system.phi_structure()
    transition = pc.actual.Transition(network, state, (0, 0, 1))
    return [
        *(network, subsystem, system, sia, sia.ces, sia.ces[0], sia.cut),
        *(structure, structure.partition, structure.distinctions, structure.distinctions[0]),
        *(pc.complexes(network, state), pc.complexes(network, state, formalism="iit4-2023")),
        transition.account(),
        *(transition.account().links, subsystem.find_mip("cause", [0], [0]).partition),
        pc.macro.Unit([EVIL, "B"], coarse=[2]),
    ]


def test_names_are_written_out_where_they_are_shown():
    shown = {type(it).__name__: repr(it) for it in hostile_results()}
    assert sum("\\u{202e}" in it or "\\u202e" in it for it in shown.values()) > 10
    for name, text in shown.items():
        assert not HIDDEN.search(text.replace("\n", "")), name


def test_names_are_written_out_in_a_notebook():
    pages = {}
    for it in hostile_results():
        show = getattr(it, "_repr_html_", None)
        if show is not None:
            pages[type(it).__qualname__, type(it).__module__] = show()
    assert len(pages) > 8
    assert sum("\\u{202e}" in it for it in pages.values()) > 8
    for kind, page in pages.items():
        assert not HIDDEN.search(page.replace("\n", "")) and "<i>" not in page, kind


def test_names_are_written_out_in_errors(tmp_path):
    network = pc.Network(COPIES, node_labels=[EVIL, "B"])
    with pytest.raises(pc.InputError, match="expected one of") as error:
        pc.Subsystem(network, (0, 0), ["\x1b[2JC"])
    assert not HIDDEN.search(str(error.value))
    path = tmp_path / f"a{EVIL[:4]}.json"
    path.write_text("{")
    with pytest.raises(pc.InputError) as error:
        pc.Network.load(path)
    assert "\\u{202e}" in str(error.value) and not HIDDEN.search(str(error.value))
    with pytest.raises(pc.ArgumentError) as error:
        pc.Network(COPIES, name=[EVIL, "\n"])
    assert not HIDDEN.search(str(error.value))


# --- Writing --------------------------------------------------------------------------------------


def writers():
    network = pc.examples.basic_network()
    sia = pc.Subsystem(network, (1, 0, 0)).sia()
    return {"network.json": network, "page.html": network.explore(), "figure.svg": sia.plot()}


@pytest.fixture(scope="module")
def kept():
    return writers()


@pytest.fixture(params=["network.json", "page.html", "figure.svg"])
def written(request, kept, tmp_path):
    """What can be saved, and where."""
    return kept[request.param], tmp_path / request.param


def test_a_file_is_replaced_by_a_whole_one(written):
    what, path = written
    path.write_text("old")
    what.save(path)
    whole = path.read_bytes()
    assert len(whole) > 100
    what.save(str(path))
    assert path.read_bytes() == whole and os.listdir(path.parent) == [path.name]


@POSIX
def test_a_file_keeps_its_mode(written):
    what, path = written
    path.write_text("old")
    path.chmod(0o640)
    what.save(path)
    assert path.stat().st_mode & 0o777 == 0o640 and path.read_text() != "old"


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "no space"), KeyboardInterrupt()])
def test_what_fails_leaves_the_old_file(written, monkeypatch, call, error):
    what, path = written
    path.write_text("old")

    def fail(*_):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(type(error)) as found:
            what.save(path)
    if isinstance(error, OSError):
        assert found.value.errno == errno.ENOSPC and found.value.filename == str(path)
    assert path.read_text() == "old" and os.listdir(path.parent) == [path.name]


FULL = """
import resource, sys, pyphi_core as pc
network = pc.Network.load(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    network.save(sys.argv[1])
except OSError as error:
    print(error.filename)
"""


@POSIX
def test_a_disk_that_is_full_costs_nothing(tmp_path):
    path = tmp_path / "network.json"
    pc.Network(np.random.default_rng(0).random((1 << 7, 7))).save(path)
    before = path.read_bytes()
    assert len(before) > 4096
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{path}\n"
    assert path.read_bytes() == before and os.listdir(tmp_path) == [path.name]


@POSIX
@pytest.mark.parametrize("kind", ["link", "dangling link", "link to a folder", "pipe", "folder"])
def test_what_is_no_file_is_left_alone(written, kind):
    what, path = written
    other = path.parent / "other"
    if kind == "link":
        other.write_text("old")
    if kind == "link to a folder":
        other.mkdir()
    if "link" in kind:
        path.symlink_to(other)
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    before = sorted(os.listdir(path.parent)), path.lstat()
    with pytest.raises(OSError, match="expected the name of a file") as error:
        what.save(path)
    assert error.value.filename == str(path)
    assert (sorted(os.listdir(path.parent)), path.lstat()) == before
    if kind == "link":
        assert other.read_text() == "old"


def test_a_folder_that_is_missing_is_said(written):
    what, path = written
    path = path.parent / "none" / path.name
    with pytest.raises(FileNotFoundError) as error:
        what.save(path)
    assert error.value.filename == str(path)


# --- Reading --------------------------------------------------------------------------------------


def test_what_is_too_large_is_not_read(tmp_path, monkeypatch):
    path = tmp_path / "large.json"
    with open(path, "wb") as file:
        file.truncate(300 << 20)
    for load in (pc.Network.load, pc.Network.load_all):
        with pytest.raises(pc.InputError, match="300 MiB, expected at most 256 MiB; PHI_MAX"):
            load(path)
    monkeypatch.setenv(_files.LIMIT, "1")
    small = tmp_path / "small.json"
    pc.Network(COPIES).save(small)
    assert pc.Network.load(small) == pc.Network(COPIES)
    with open(path, "wb") as file:
        file.truncate((1 << 20) + 1)
    with pytest.raises(pc.InputError, match="1 MiB, expected at most 1 MiB"):
        pc.Network.load(path)
    for wrong in ("", "0", "-1", "x", "9" * 5000):
        monkeypatch.setenv(_files.LIMIT, wrong)
        with pytest.raises(pc.InputError, match="expected a number of MiB"):
            pc.Network.load(small)


@POSIX
def test_a_device_without_an_end_is_not_read_to_it(monkeypatch):
    monkeypatch.setenv(_files.LIMIT, "3")
    with pytest.raises(pc.InputError, match="more than 3 MiB, expected at most 3 MiB"):
        pc.Network.load("/dev/zero")
    with pytest.raises(ValueError, match="/dev/null"):
        pc.Network.load("/dev/null")
    assert _memory._text("/dev/zero") == "" and _memory._text("/dev/null") == ""


@POSIX
def test_a_folder_is_no_network(tmp_path):
    with pytest.raises(IsADirectoryError):
        pc.Network.load(tmp_path)


@POSIX
def test_a_pipe_is_read_to_its_end(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    network = pc.Network(np.random.default_rng(0).random((1 << 12, 12)))
    text = network.to_json().encode()
    assert len(text) > 1 << 19

    def write():
        with open(path, "wb") as file:
            for at in range(0, len(text), 1 << 17):
                file.write(text[at : at + (1 << 17)])
                file.flush()

    thread = threading.Thread(target=write)
    thread.start()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = pc.Network.load(path)
    thread.join()
    assert found == network


@POSIX
def test_a_pipe_that_nobody_writes_to_is_said(tmp_path, monkeypatch):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    monkeypatch.setattr(_files, "SILENT", 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="waiting for .*pipe: nothing has come from it yet"):
            pc.Network.load(path)
    # Whoever waits gets what comes.
    def write(*_args, **_more):
        text = pc.Network(COPIES).to_json()
        threads.append(threading.Thread(target=path.write_text, args=(text,)))
        threads[0].start()

    threads = []
    monkeypatch.setattr(warnings, "warn", write)
    assert pc.Network.load(path) == pc.Network(COPIES)
    threads[0].join()


# --- Lists ----------------------------------------------------------------------------------------


class Endless:
    """A list without an end, of which no more may be taken than anything can have."""

    def __init__(self, item):
        self.item = item

    def __iter__(self):
        for _ in range(100_000):
            yield self.item
        raise AssertionError("100,000 items were taken")


NETWORK = pc.examples.basic_network()
STATE = (1, 0, 0)
ENDLESS = {
    "tie_order": lambda: pc.phi(NETWORK, STATE, tie_order=Endless(0)),
    "tie_order of a system": lambda: pc.System(NETWORK, STATE).sia(tie_order=Endless(0)),
    "tie_order of many": lambda: pc.phi_many(NETWORK.tpm[None], STATE, tie_order=Endless(0)),
    "node_labels": lambda: pc.Network(COPIES, node_labels=Endless("A")),
    "values": lambda: pc.Network(COPIES, values=Endless(["off", "on"])),
    "values of a unit": lambda: pc.Network(COPIES, values=[Endless("off"), ["off", "on"]]),
    "alphabet": lambda: pc.Network(COPIES, alphabet=Endless(2)),
    "state": lambda: pc.Subsystem(NETWORK, Endless(0)),
    "nodes": lambda: pc.Subsystem(NETWORK, STATE, Endless(0)),
    "cut": lambda: pc.Cut(Endless(0), [1]),
    "other side": lambda: pc.Cut([0], Endless(1)),
    "parts": lambda: pc.SystemPartition(Endless([0]), ["both"]),
    "part": lambda: pc.SystemPartition([Endless(0)], ["both"]),
    "directions": lambda: pc.SystemPartition([[0]], Endless("both")),
    "show": lambda: pc.Subsystem(NETWORK, STATE).sia().plot(Endless("graph")),
    "formalism": lambda: NETWORK.explore(formalism=Endless("iit3")),
    "boxes": lambda: pc.macro.Blackbox(Endless([0]), [0]),
    "box": lambda: pc.macro.Blackbox([Endless(0)], [0]),
    "outputs": lambda: pc.macro.Blackbox([[0]], Endless(0)),
    "groups": lambda: pc.macro.CoarseGrain([[0]], Endless([[0], [1]])),
    "counts": lambda: pc.macro.CoarseGrain([[0]], [[Endless(0), [1]]]),
    "time_scales": lambda: pc.macro.emergence(NETWORK, STATE, time_scales=Endless(1)),
    "parts of a unit": lambda: pc.macro.Unit(Endless(0), coarse=[1]),
    "coarse": lambda: pc.macro.Unit([0, 1], coarse=Endless(1)),
    "table": lambda: pc.macro.Unit([0, 1], table=Endless(1)),
    "apportioned": lambda: pc.macro.Unit([0, 1], coarse=[1], apportioned=Endless(2)),
    "units": lambda: pc.macro.units(NETWORK, Endless(0), STATE),
    "history": lambda: pc.macro.complexes(NETWORK, Endless(STATE)),
}


@pytest.mark.parametrize("call", ENDLESS.values(), ids=ENDLESS)
def test_a_list_without_an_end_is_refused(call):
    with pytest.raises((pc.InputError, pc.ArgumentError), match="expected"):
        call()


@pytest.mark.parametrize("order", [[], [0], [1, 0], [0, 1, 2, 3]])
def test_a_tie_order_has_a_number_for_each_unit(order):
    for given in (order, iter(order), np.array(order, dtype=int)):
        with pytest.raises(pc.InputError, match="^tie_order: .*expected 3 numbers, one for each"):
            pc.phi(NETWORK, STATE, tie_order=given)
    with pytest.raises(pc.InputError, match="tie_order"):
        pc.System(NETWORK, STATE, [0, 1]).sia(tie_order=[1, 0])
    for right in ([2, 1, 0], itertools.islice(itertools.count(), 3), 7):
        assert pc.phi(NETWORK, STATE, tie_order=right) == pytest.approx(1.916667, abs=1e-6)


# --- Arrays ---------------------------------------------------------------------------------------


def test_what_many_networks_need_is_compared_before_they_are_copied(monkeypatch):
    def fail(_):
        raise AssertionError("numbers were copied")

    monkeypatch.setattr(_arguments, "converted", fail)
    tpms = np.broadcast_to(0.5, (1 << 27, 4, 2))
    # The states are converted as well: they are few.
    monkeypatch.setattr(_arguments, "array", lambda _, it: np.asarray(it, dtype=float))
    with pytest.raises(pc.MemoryLimitError, match=r"memory: it would need \d{11} bytes, more than"):
        pc.phi_many(tpms, (0, 0), memory_limit=1 << 30)


@pytest.mark.parametrize("formalism", ["iit3", "iit4-2023"])
def test_the_time_of_many_networks_is_that_of_their_copies_too(monkeypatch, formalism):
    copied = []
    convert = _arguments.converted

    def counted(value):
        copied.append(len(value))
        return convert(value)

    monkeypatch.setattr(_arguments, "converted", counted)
    tpms = np.broadcast_to(np.array(COPIES, dtype=float), (1 << 18, 4, 2))
    rows = pc.phi_many(tpms, (0, 0), formalism=formalism, time_limit=0)
    assert copied == [2]  # the state
    assert len(rows) == 1 << 18 and not rows["exact"].any() and np.isinf(rows["phi"]).all()
    # What it says of a network that there was no time for is what one analysis says.
    one = pc.phi_many(tpms[:1], (0, 0), formalism=formalism, time_limit=0)
    assert (rows == one[0]).all()
    rows = pc.phi_many(tpms[:30_000], (0, 0), formalism=formalism)
    assert rows["exact"].all() and (rows["phi"] == rows["phi"][0]).all()


def test_one_state_for_all_is_that_of_each():
    tpms = np.random.default_rng(0).random((5000, 8, 3))
    for formalism in ("iit3", "iit4-2023"):
        some = pc.phi_many(tpms, (1, 0, 1), formalism=formalism)
        each = pc.phi_many(tpms, np.array([[1, 0, 1]] * 5000), formalism=formalism)
        assert (some == each).all() and some["exact"].all()
    for wrong in ((1, 0), [[1, 0, 1]] * 4999, [[[1, 0, 1]]], 1):
        with pytest.raises(pc.InputError, match="states: shape"):
            pc.phi_many(tpms, wrong)


@pytest.mark.parametrize("form", ["next", "tpm", "marginals"])
def test_a_long_table_is_written_in_short_pieces(form, monkeypatch):
    tables = {
        "next": np.zeros((3**9, 9)),
        "tpm": np.full((3**9, 27), 1 / 3),
        "marginals": np.full((9, *[3] * 9, 3), 1 / 3),
    }
    record = _network.of_values(tables[form], (3,) * 9, None)
    whole = json.dumps(record)
    pieces = []
    write = json.dumps

    def watched(value):
        pieces.append(write(value))
        return pieces[-1]

    monkeypatch.setattr(json, "dumps", watched)
    assert form in record and json.loads(_network._in_pieces(record)) == json.loads(whole)
    # Between two of them Python looks at signals.
    assert max(map(len, pieces)) < 60_000 < len(whole)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers that send signals")
@pytest.mark.parametrize("call", ["array", "state by state", "text", "file", "to_json", "save"])
def test_signals_are_heard_while_a_network_is_made(call, tmp_path):
    path, text = tmp_path / "network.json", ""
    if call == "state by state":
        tpm = np.eye(1 << 12)
    else:
        n = 18 if call == "array" else 17
        tpm = np.random.default_rng(0).random((1 << n, n))
    network = None if call in ("array", "state by state") else pc.Network(tpm)
    if call in ("text", "file"):
        text = network.to_json()
        path.write_text(text)
    calls = {
        "array": lambda: pc.Network(tpm),
        "state by state": lambda: pc.Network(tpm),
        "text": lambda: pc.Network.from_json(text),
        "file": lambda: pc.Network.load(path),
        "to_json": lambda: network.to_json(),
        "save": lambda: network.save(path),
    }
    inside, heard = [], []

    def watch(_frame, event, function):
        """Notes what of the engine is being called."""
        if getattr(function, "__qualname__", "") in ("read", "Network.of_array", "Network.json"):
            inside.append(1) if event == "c_call" else inside.clear()

    def hear(*_):
        if inside:
            heard.append(1)

    before = signal.signal(signal.SIGALRM, hear)
    signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
    sys.setprofile(watch)
    try:
        calls[call]()
    finally:
        sys.setprofile(None)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    # One that came meanwhile may be heard just at the end, whatever the engine does.
    assert len(heard) > 1
