"""What a suite is made of, and how a work is measured: ours and the peer's in turns, medians of both."""

import math
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Optional

from .worker import Worker, WorkerError

#: Seconds of rest when the other side's turn comes.
PAUSE = 0.02
HEADER = "work,ours_ms,peer_ms,ratio"
MEMORY_HEADER = "work,ours_mib,peer_mib,ratio"


@dataclass
class Work:
    """One line of the table.

    `make` prepares the peer's side outside the clock and returns what is timed; that returns a checksum, or a
    function that works it out when the clock has stopped.
    """

    name: str
    make: Callable[[], Callable[[], float]]
    #: Relative tolerance of the two checksums; None where they cannot agree (random weights, say).
    check: Optional[float] = None
    #: Least number of runs of each side, and the time of both after which no more are begun.
    rounds: int = 7
    seconds: float = 1.5
    #: Further columns: name → function of the work's name that returns milliseconds of a run, or None.
    more: dict = field(default_factory=dict)


@dataclass
class Measured:
    ours: float
    peer: float
    more: dict


def measure(worker, work, rounds=None, seconds=None):
    """Medians of ours, the peer's and the further columns, in turns."""
    rounds = rounds or work.rounds
    seconds = work.seconds if seconds is None else seconds
    worker.prepare(work.name)
    peer = work.make()
    extra = {name: start(work.name) for name, start in work.more.items()}

    def once():
        start = time.perf_counter()
        result = peer()
        milliseconds = (time.perf_counter() - start) * 1e3
        # A function is the checksum's, to be worked out when the clock has stopped.
        return milliseconds, float(result() if callable(result) else result)

    # The first run of each warms caches, thread pools and allocators; its checksum is compared.
    (_, mine), (_, theirs) = worker.run(), once()
    for run in extra.values():
        if run:
            run()
    if not math.isfinite(mine):
        raise WorkerError(f"{work.name}: the checksum is {mine}")
    if work.check is not None and abs(mine - theirs) > work.check * max(abs(theirs), 1e-30):
        raise WorkerError(f"{work.name}: checksums differ: ours {mine!r}, the peer's {theirs!r}")
    ours, peers, others = [], [], {name: [] for name in extra}
    began = time.perf_counter()
    while len(ours) < rounds or (time.perf_counter() - began < seconds and len(ours) < 50 * rounds):
        # Idle threads of one side may spin for a while before they sleep, and take a while to wake: neither
        # falls into a timed run. Each side rests while the other's threads fall asleep, and runs once untimed.
        time.sleep(PAUSE)
        worker.run()
        ours.append(worker.run()[0])
        time.sleep(PAUSE)
        once()
        peers.append(once()[0])
        if len(ours) <= rounds:
            for name, run in extra.items():
                if run and (len(ours) <= 3 or time.perf_counter() - began < seconds):
                    others[name].append(run())
    medians = {name: statistics.median(times) if times else None for name, times in others.items()}
    return Measured(statistics.median(ours), statistics.median(peers), medians)


#: Starts a program from a small process: Linux counts the memory of whoever calls `exec` as the program's own.
LAUNCHER = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


def peak_mib(command):
    """Peak resident memory of a program that does one work and ends."""
    done = subprocess.run([sys.executable, "-S", "-c", LAUNCHER, *map(str, command)], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise WorkerError(f"{' '.join(map(str, command))} ended with {done.returncode}")
    return int(done.stdout) / 1024


def run_suite(suite, threads, out, program, only="", rounds=None, seconds=None):
    """Prints and writes the table of a suite; returns the number of works that failed."""
    out = Path(out)
    failed = 0
    ratios = []
    works = [w for w in suite.works(threads) if only in w.name]
    columns = list(dict.fromkeys(name for w in works for name in w.more))
    name = suite.__name__.rsplit(".", 1)[-1]
    lines = [",".join([HEADER, *columns])]
    print(lines[0], flush=True)
    worker = Worker(program)
    for i, work in enumerate(works):
        print(f"[{name} {i + 1}/{len(works)}] {work.name}", file=sys.stderr, flush=True)
        try:
            found = measure(worker, work, rounds, seconds)
        except WorkerError as error:
            print(f"failed: {error}", file=sys.stderr, flush=True)
            failed += 1
            worker.close()
            worker = Worker(program)
            continue
        more = ["" if found.more.get(c) is None else f"{found.more[c]:.4g}" for c in columns]
        ratio = found.ours / found.peer
        ratios.append(ratio)
        lines.append(",".join([work.name, f"{found.ours:.4f}", f"{found.peer:.4f}", f"{ratio:.3f}", *more]))
        print(lines[-1], flush=True)
    worker.close()
    write(out / f"{name}.csv", lines)
    if ratios:
        print(
            f"{name}: {len(ratios)} works on {threads} thread(s), median ratio "
            f"{statistics.median(ratios):.3f}, largest {max(ratios):.3f}",
            file=sys.stderr,
        )
    failed += memory(suite, name, threads, out, program, only)
    return failed


def memory(suite, name, threads, out, program, only):
    """Appends the suite's works on memory to `memory.csv`; returns how many failed."""
    path = out / "memory.csv"
    lines = path.read_text().splitlines() if path.exists() else []
    lines = lines or [MEMORY_HEADER]
    failed = 0
    for work in getattr(suite, "MEMORY", []):
        if only not in work:
            continue
        peer = [sys.executable, "-m", "compare", name, "--threads", str(threads), "--peer", work]
        try:
            ours, theirs = peak_mib([str(program), work]), peak_mib(peer)
        except WorkerError as error:
            print(f"failed: {error}", file=sys.stderr)
            failed += 1
            continue
        lines.append(f"{work},{ours:.1f},{theirs:.1f},{ours / theirs:.3f}")
        print(f"memory: {lines[-1]}", file=sys.stderr, flush=True)
    write(path, lines)
    return failed


def write(path, lines):
    """Writes under a temporary name and renames."""
    temporary = path.with_name(path.name + ".part")
    temporary.parent.mkdir(parents=True, exist_ok=True)
    temporary.write_text("\n".join(lines) + "\n")
    temporary.replace(path)
