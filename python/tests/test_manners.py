"""Ctrl-C, threads, forks, memory."""

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import pyphi_core as pc

LONG = bool(os.environ.get("PHI_SLOW_TESTS"))
INTERRUPTED = """
import numpy as np, pyphi_core as pc, signal, sys
# Also where what started the tests ignores it, as a shell's background jobs do.
signal.signal(signal.SIGINT, signal.default_int_handler)
rng = np.random.default_rng(0)
print("ready", flush=True)
try:
    {call}
except KeyboardInterrupt:
    print("interrupted", flush=True)
sys.stdin.readline()
small = pc.phi(pc.examples.basic_network(), (1, 0, 0))
print(round(small, 6), flush=True)
"""
CALLS = [
    "pc.sia(pc.Network(rng.random((512, 9))), (0,) * 9)",
    "pc.phi_structure(pc.Network(rng.random((1024, 10))), (0,) * 10)",
    "pc.phi_many(rng.random((200_000, 32, 5)), (0,) * 5)",
    "pc.complexes(pc.Network(rng.random((512, 9))), (0,) * 9)",
    "pc.macro.effective_info(pc.Network(rng.random((1 << 16, 16))))",
]


@pytest.mark.skipif(sys.platform == "win32", reason="signals of another kind")
@pytest.mark.parametrize("call", CALLS)
def test_ctrl_c_interrupts(call):
    code = INTERRUPTED.format(call=call)
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stdout.readline() == "ready\n"
        # It may be anywhere in the call by now, or before it: all that counts is how it ends.
        time.sleep(0.5)
        began = time.monotonic()
        child.send_signal(signal.SIGINT)
        line = child.stdout.readline()
        took = time.monotonic() - began
        # What the process does afterwards works, on new threads or on the old ones.
        out, err = child.communicate("\n")
    finally:
        child.kill()
        child.wait()
    assert line == "interrupted\n", err
    assert out == "1.916667\n" and err == ""
    # No test of a time: this is said for whoever asks.
    print(f"interrupted after {took:.3f} s")


def of_child(_):
    network = pc.Network(np.random.default_rng(1).random((32, 5)))
    return pc.phi(network, (0,) * 5), os.getpid()


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes(method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    # The pool of this process has threads by now, which a fork does not take along.
    expected, own = of_child(0)
    with multiprocessing.get_context(method).Pool(2) as pool:
        found = pool.map_async(of_child, range(6)).get(timeout=120)
    assert {it[0] for it in found} == {expected}
    assert own not in {it[1] for it in found}
    assert of_child(0)[0] == expected


def test_threads():
    network = pc.Network(np.random.default_rng(2).random((16, 4)))
    basic = pc.examples.basic_network()
    expected = pc.phi(network, (0,) * 4), pc.phi(basic, (1, 0, 0))
    rows = pc.phi_many(np.repeat(basic.tpm[None], 300, axis=0), (1, 0, 0))["phi"]
    wrong, ended = [], []

    def work():
        for _ in range(10):
            found = pc.phi(network, (0,) * 4), pc.phi(basic, (1, 0, 0))
            many = pc.phi_many(np.repeat(basic.tpm[None], 300, axis=0), (1, 0, 0))["phi"]
            if found != expected or (many != rows).any():
                wrong.append(found)
        ended.append(1)

    threads = [threading.Thread(target=work) for _ in range(8)]
    [it.start() for it in threads]
    [it.join() for it in threads]
    assert not wrong and len(ended) == 8


@contextlib.contextmanager
def counting():
    """Another thread of Python counts meanwhile, as long as it has the lock now and then."""
    seen = []
    done = threading.Event()

    def count():
        while not done.is_set():
            seen.append(1)
            time.sleep(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


def test_the_lock_is_released():
    """Another thread of Python goes on while the engine works."""
    network = pc.Network(np.random.default_rng(3).random((128, 7)))
    with counting() as seen:
        before = len(seen)
        pc.phi(network, (0,) * 7)
        during = len(seen) - before
    assert during > 0


def test_the_lock_is_released_while_a_network_is_made():
    tpm = np.random.default_rng(3).random((1 << 18, 18))
    with counting() as seen:
        before = len(seen)
        pc.Network(tpm)
        during = len(seen) - before
    # Held, it changes hands a few times between calls.
    assert during > 10


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="no /proc")
def test_memory_is_flat():
    basic = pc.examples.basic_network()
    copies = pc.examples.copy_network()

    def work(n):
        for _ in range(n):
            system = pc.Subsystem(copies, (0, 0))
            system.phi()
            hash(system.sia())
            pc.System(copies, (0, 0)).sia().to_json()
            try:
                pc.Subsystem(basic, (0, 1, 0))
            except pc.InputError:
                pass
        pc.phi_many(np.repeat(basic.tpm[None], n // 10, axis=0), (1, 0, 0))

    work(1000)
    before = resident()
    work(250_000 if LONG else 5_000)
    grown = resident() - before
    print(f"grown by {grown} bytes")
    assert grown < 8 << 20


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="no /proc")
def test_memory_is_flat_over_threads():
    system = pc.Subsystem(pc.examples.basic_network(), (1, 0, 0))
    found = []

    def work(n):
        for _ in range(n):
            thread = threading.Thread(target=lambda: found.append(system.phi()))
            thread.start()
            thread.join()

    work(200)
    before = resident()
    work(3000)
    grown = resident() - before
    assert len(found) == 3200 and set(found) == {system.phi()}
    assert grown < 8 << 20
