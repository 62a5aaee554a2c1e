#!/usr/bin/env python3
"""Measures what the command promises beyond plain speed: memory, scaling, compressed logs, start-up,
slow disks.

    cargo build --release -p eas-log-report -p eas-log-benches
    python3 benches/limits/run.py            # all parts, or name some: memory strangers ...

Needs zstd and zip for compressed logs, and five gigabytes in the temporary folder. Every figure is a
median of --runs, and runs that are compared take turns. Peak memory is what the system saw (VmHWM),
so that part needs Linux, and the slow disk root too.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
MIB = 1 << 20


def binary(name):
    path = TARGET / "release" / name
    if not path.exists():
        sys.exit(f"{path} is missing: cargo build --release -p eas-log-report -p eas-log-benches")
    return str(path)


REPORT, GENERATE, DECOMPRESS = map(binary, ("eas-log-report", "generate-corpus", "decompress"))


def generate(folder, size, *more):
    argv = [GENERATE, str(folder), "--size", size, *more]
    subprocess.run(argv, check=True, stderr=subprocess.DEVNULL)
    return folder


def seconds(argv):
    begin = time.perf_counter()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begin


def medians(runs, **commands):
    """The median time of each command; they take turns, and each has run once before."""
    if hasattr(os, "sync"):
        # Or the system still writes what was generated, on a core that a command needs.
        os.sync()
    times = {name: [] for name in commands}
    for turn in range(runs + 1):
        for name, argv in commands.items():
            taken = seconds(argv)
            if turn > 0:
                times[name].append(taken)
    return {name: statistics.median(taken) for name, taken in times.items()}


def peak(argv, stdin=subprocess.DEVNULL):
    """The most memory that a command had, in MiB, and what it printed."""
    process = subprocess.Popen(argv, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    most = 0

    def watch():
        nonlocal most
        while process.poll() is None:
            try:
                status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
                line = next(l for l in status.splitlines() if l.startswith("VmHWM"))
                most = max(most, int(line.split()[1]) / 1024)
            except (OSError, StopIteration):
                pass
            time.sleep(0.002)

    watcher = threading.Thread(target=watch)
    watcher.start()
    out, err = process.communicate()
    watcher.join()
    if process.returncode != 0:
        sys.exit(f"{argv} failed: {err.decode(errors='replace')}")
    return most, out.decode()


def memory(args, scratch):
    folder = generate(scratch / "512M", "512M", "--devices", "20000")
    most, _ = peak([REPORT, str(folder)])
    print(f"memory: 512 MiB, 20,000 devices: {most:.0f} MiB")
    source = subprocess.Popen(
        [GENERATE, "-", "--size", args.large, "--devices", "20000", "--days", "30"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    most, _ = peak([REPORT, "-"], stdin=source.stdout)
    source.wait()
    print(f"memory: {args.large}iB from a pipe, 20,000 devices, 30 days: {most:.0f} MiB")


def strangers(args, scratch):
    """Somebody who can reach the server invents device ids, user agents, or both and users."""
    fields = (
        "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip "
        "cs(User-Agent) sc-status sc-substatus sc-win32-status time-taken\r\n"
    )
    line = (
        "2011-05-06 {time} 10.1.0.10 POST /Microsoft-Server-ActiveSync/default.eas "
        "User={user}&DeviceId={device}&DeviceType=T&Cmd=Sync {rest} 443 {name} 203.0.113.9 {agent} {status} 5\r\n"
    )
    kinds = {
        "device ids, without a password": ("u{n}", "D{n}", "-", "a/1", "401 2 5"),
        "device ids of one user": ("u", "D{n}", "C\\u", "a/1", "200 0 0"),
        "user agents of one device": ("u", "D", "C\\u", "a/{n}", "200 0 0"),
    }
    for kind, (user, device, name, agent, status) in kinds.items():
        path = scratch / "strangers.log"
        with open(path, "w", newline="") as log:
            log.write(fields)
            for n in range(1_000_000):
                second = n * 86_400 // 1_000_000
                text = line.format(
                    time=f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}",
                    user=user.format(n=n),
                    device=device.format(n=n),
                    rest="",
                    name=name,
                    agent=agent.format(n=n),
                    status=status,
                )
                log.write(text.replace("Cmd=Sync  ", "Cmd=Sync "))
        most, out = peak([REPORT, str(path)])
        told = [l.strip() for l in out.splitlines() if "told apart" in l]
        print(f"strangers: 1,000,000 {kind}: {most:.0f} MiB; {told[:1]}")


def split(log, folder, parts):
    """Cuts a log into so many, each with the fields that are in force."""
    folder.mkdir(parents=True)
    lines = log.read_bytes().splitlines(keepends=True)
    header = b""
    for number in range(parts):
        part = lines[len(lines) * number // parts : len(lines) * (number + 1) // parts]
        (folder / f"{number:04}.log").write_bytes(header + b"".join(part))
        fields = [line for line in part if line.startswith(b"#Fields")]
        header = fields[-1] if fields else header


def scaling(args, scratch):
    large = generate(scratch / "large", "512M")
    small = generate(scratch / "small", "64M")
    many = scratch / "many"
    for log in large.rglob("*.log"):
        split(log, many / log.relative_to(large).with_suffix(""), 1250)
    took = medians(
        args.runs,
        one=[REPORT, "--threads", "1", str(large)],
        two=[REPORT, "--threads", "2", str(large)],
        small=[REPORT, str(small)],
        many=[REPORT, str(many)],
    )
    print_threads("512 MiB", took)
    print(f"scaling: 64 MiB {took['small']:.3f} s, 512 MiB {took['two']:.3f} s: ", end="")
    print(f"{took['two'] / took['small']:.2f} times the time for 8 times the bytes")
    print(f"scaling: 10,000 files {took['many']:.2f} s, 8 files of as many bytes {took['two']:.2f} s")
    for folder in large, many:
        shutil.rmtree(folder)
    # Where what does not grow with the bytes weighs less.
    huge = generate(scratch / "huge", "4G")
    took = medians(
        args.runs,
        one=[REPORT, "--threads", "1", str(huge)],
        two=[REPORT, "--threads", "2", str(huge)],
    )
    print_threads("4 GiB", took)


def print_threads(size, took):
    print(f"scaling: {size} with 1 thread {took['one']:.2f} s, 2 threads {took['two']:.2f} s: ", end="")
    print(f"{took['one'] / took['two']:.2f} times the speed")


def compressed(args, scratch):
    folder = generate(scratch / "plain", "512M")
    logs = sorted(folder.rglob("*.log"))
    forms = {
        "gz": lambda log, to: f"gzip -6 < '{log}' > '{to}'",
        "zst": lambda log, to: f"zstd -q -3 '{log}' -o '{to}'",
        "zip": lambda log, to: f"zip -q -j '{to}' '{log}'",
    }
    for form, pack in forms.items():
        if form != "gz" and not shutil.which("zstd" if form == "zst" else "zip"):
            print(f"compressed: {form} is left out: its program is not installed")
            continue
        packed = scratch / form
        packed.mkdir()
        for number, log in enumerate(logs):
            subprocess.run(pack(log, packed / f"{number}.{form}"), shell=True, check=True)
        files = sorted(map(str, packed.iterdir()))
        took = medians(args.runs, alone=[DECOMPRESS, *files], report=[REPORT, str(packed)])
        print(f"compressed: 8 {form} files: decompressing {took['alone']:.2f} s, ", end="")
        print(f"report {took['report']:.2f} s: {took['report'] / took['alone']:.2f} times")
    whole = scratch / "whole.gz"
    with open(scratch / "whole.log", "wb") as log:
        for part in logs:
            log.write(part.read_bytes())
    subprocess.run(f"gzip -6 < '{scratch}/whole.log' > '{whole}'", shell=True, check=True)
    took = medians(args.runs, alone=[DECOMPRESS, str(whole)], report=[REPORT, str(whole)])
    print(f"compressed: one gz of 512 MiB: decompressing {took['alone']:.2f} s, ", end="")
    print(f"report {took['report']:.2f} s: {took['report'] / took['alone']:.2f} times")


def start(args, scratch):
    took = medians(
        args.runs * 4,
        samples=[REPORT, str(ROOT / "samples")],
        explain=[REPORT, "explain", "449"],
        help=[REPORT, "--help"],
    )
    for name, taken in took.items():
        print(f"start: {name}: {taken * 1000:.1f} ms")


def nightly(args, scratch):
    logs = generate(scratch / "logs", "64M", "--days", "30", "--devices", "2000")
    store = scratch / "store"
    night = [REPORT, "nightly", "--logs", str(logs), "--store", str(store), "--date", "2011-05-30"]
    first = seconds(night)
    took = medians(args.runs * 4, quiet=night)
    print(f"nightly: 30 days of 4 servers the first time {first:.2f} s, ", end="")
    print(f"with nothing new {took['quiet'] * 1000:.1f} ms")


# What a share in a busy network gives, in bytes per second.
SLOW = 100_000_000


def slow(args, scratch):
    """Logs that are not in the page cache, from a disk that is slowed down by a cgroup (version 1)."""
    blkio = pathlib.Path("/sys/fs/cgroup/blkio")
    if not os.access(blkio, os.W_OK) or os.geteuid() != 0:
        print("slow: left out: needs root and the blkio cgroup")
        return
    folder = generate(scratch / "logs", "512M")
    logs = sorted(map(str, folder.rglob("*.log")))
    os.sync()
    group = blkio / "eas-log-limits"
    group.mkdir(exist_ok=True)
    disk = os.stat(folder).st_dev
    limit = f"{os.major(disk)}:{os.minor(disk)} {SLOW}"
    (group / "blkio.throttle.read_bps_device").write_text(limit)
    commands = {
        "alone": ["cat", *logs],
        "one": [REPORT, "--threads", "1", str(folder)],
        "two": [REPORT, "--threads", "2", str(folder)],
    }
    took = {name: [] for name in commands}
    try:
        for _ in range(args.runs):
            for name, argv in commands.items():
                for log in logs:
                    with open(log, "rb") as file:
                        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                enter = ["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(group / "cgroup.procs")]
                took[name].append(seconds([*enter, *argv]))
    finally:
        group.rmdir()
    took = {name: statistics.median(times) for name, times in took.items()}
    print(f"slow: 512 MiB at {SLOW / 1e6:.0f} MB/s: reading alone {took['alone']:.2f} s, ", end="")
    print(f"report with 1 thread {took['one']:.2f} s, 2 threads {took['two']:.2f} s")


PARTS = [memory, strangers, scaling, compressed, start, nightly, slow]


def main():
    names = [part.__name__ for part in PARTS]
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join(names))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--large", default="16G", help="size of what comes from a pipe")
    args = parser.parse_args()
    unknown = set(args.parts) - set(names)
    if unknown:
        sys.exit(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    for part in PARTS:
        if not args.parts or part.__name__ in args.parts:
            with tempfile.TemporaryDirectory() as scratch:
                part(args, pathlib.Path(scratch))


if __name__ == "__main__":
    main()
