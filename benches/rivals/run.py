#!/usr/bin/env python3
"""Runs eas-log-report and other tools over the same logs, side by side, and prints a table.

    benches/rivals/install.sh
    cargo build --release -p eas-log-report -p eas-log-benches
    python3 benches/rivals/run.py

The logs are generated, without defects, since most of the other tools cannot read those. Each tool
does its part of the work of the report: ripgrep finds the lines of ActiveSync, mawk counts them by
device type, DuckDB groups them by type, error and access state with distinct devices, GoAccess makes
its report of any web log. Their counts are compared with what the generator wrote before a time is
taken. Tools take turns; a time is the median, the ratio that of the medians.
"""

import argparse
import collections
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
STEM = "/Microsoft-Server-ActiveSync/default.eas"

AWK = r"""
index($5, "/Microsoft-Server-ActiveSync/default.eas") == 1 {
    type = "-"
    count = split($6, pairs, "&")
    for (i = 1; i <= count; i++)
        if (substr(pairs[i], 1, 11) == "DeviceType=") type = substr(pairs[i], 12)
    requests[type]++
}
END { for (type in requests) print requests[type], type }
"""

SQL = """
select regexp_extract(query, 'DeviceType=([^&]*)', 1) as device_type,
       regexp_extract(query, '_Error:([^_&]*)', 1) as error,
       regexp_extract(query, '_As:([^_&]*)', 1) as access,
       count(*) as requests,
       count(distinct regexp_extract(query, 'DeviceId=([^&]*)', 1)) as devices
from read_csv({files}, auto_detect = false, delim = ' ', header = false, quote = '', escape = '',
              comment = '#', columns = {columns})
where starts_with(stem, '/Microsoft-Server-ActiveSync/default.eas')
group by all
order by requests desc
"""

FIELDS = (
    "date time server method stem query port username client agent status substatus win32 taken"
).split()


def binary(name):
    path = TARGET / "release" / name
    if not path.exists():
        sys.exit(f"{path} is missing: cargo build --release -p eas-log-report -p eas-log-benches")
    return str(path)


def logs(folder):
    return sorted(str(path) for path in pathlib.Path(folder).rglob("*.log"))


class Rival:
    """A tool: how it is run, and how requests by device type are read from what it prints, or from what
    it prints with other arguments."""

    def __init__(self, name, argv, version, requests=None, records=None, input=None, told_by=None):
        self.name, self.argv, self.version = name, argv, version
        self.told_by = told_by or argv
        self.requests, self.records, self.input = requests, records, input
        self.walls, self.cpus = [], []

    def run(self, argv):
        with tempfile.TemporaryFile() as out:
            begin = time.perf_counter()
            process = subprocess.Popen(
                argv,
                stdout=out,
                stderr=subprocess.PIPE,
                stdin=open(self.input, "rb") if self.input else subprocess.DEVNULL,
            )
            errors = process.stderr.read()
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - begin
            if os.waitstatus_to_exitcode(status) != 0:
                sys.exit(f"{self.name} failed: {errors.decode(errors='replace')}")
            out.seek(0)
            return wall, usage, out.read().decode()

    def check(self, truth):
        """Compares what the tool counted with what the generator wrote."""
        _, _, printed = self.run(self.told_by)
        if self.records:
            found, want = self.records(printed), truth["records"]
        else:
            found = self.requests(printed)
            want = {kind: group["requests"] for kind, group in truth["device_types"].items()}
            if not isinstance(found, dict):
                want = sum(want.values())
        if found != want:
            sys.exit(f"{self.name} counts {found}, but the generator wrote {want}")

    def measure(self):
        wall, usage, _ = self.run(self.argv)
        self.walls.append(wall)
        self.cpus.append(usage.ru_utime + usage.ru_stime)


def first_line(*argv):
    out = subprocess.run(argv, capture_output=True, text=True)
    return ((out.stdout or out.stderr).splitlines() or [""])[0].strip().rstrip(".")


def by_type(pairs):
    sums = collections.Counter()
    for kind, requests in pairs:
        sums[kind] += int(requests)
    return dict(sums)


def rivals(folder, python):
    files = logs(folder)
    report = binary("eas-log-report")
    columns = "{" + ", ".join(f"'{field}': 'varchar'" for field in FIELDS) + "}"
    sql = SQL.format(files=files, columns=columns)
    duckdb = (
        "import duckdb, sys\n"
        "duckdb.sql('set threads = 2')\n"
        f"for row in duckdb.sql({sql!r}).fetchall(): print(*row, sep='\\t')\n"
    )

    def of_json(printed):
        rows = json.loads(printed)["sections"]["device_types"]
        return by_type((row["device_type"], row["requests"]) for row in rows)

    def of_rows(printed):
        rows = [line.split("\t") for line in printed.splitlines()]
        return by_type((row[0], row[3]) for row in rows)

    own = f"eas-log-report {first_line(report, '--version').split()[-1]}"
    ripgrep = ["rg", "-c", "-j2", "Microsoft-Server-ActiveSync/default.eas", folder]
    return [
        Rival(
            f"{own}, the default report",
            [report, folder],
            own,
            of_json,
            told_by=[report, "--format", "json", folder],
        ),
        Rival(
            "ripgrep, lines of ActiveSync",
            ripgrep,
            first_line("rg", "--version"),
            lambda printed: sum(int(line.rsplit(":", 1)[1]) for line in printed.splitlines()),
        ),
        Rival(
            "mawk, requests by device type",
            ["mawk", AWK, *files],
            first_line("mawk", "-W", "version"),
            lambda printed: by_type(line.split(" ", 1)[::-1] for line in printed.splitlines()),
        ),
        Rival(
            "DuckDB, by type, error and access state, with distinct devices",
            [python, "-c", duckdb],
            "DuckDB " + first_line(python, "-c", "import duckdb; print(duckdb.__version__)"),
            of_rows,
        ),
        Rival(
            "GoAccess, its report of a web log",
            goaccess_argv(files),
            first_line("goaccess", "--version"),
            # It takes requests of Outlook Anywhere, by the method RPC_IN_DATA, for invalid.
            records=lambda printed: json.loads(printed)["general"]["total_requests"],
        ),
    ]


def goaccess_argv(files):
    form = "%d %t %^ %m %U %q %^ %e %h %u %s %^ %^ %L"
    return [
        *("goaccess", *files, "--no-global-config", "--no-progress", "--no-strict-status"),
        *("--output-format=json", f"--log-format={form}"),
        *("--date-format=%Y-%m-%d", "--time-format=%H:%M:%S"),
    ]


def machine():
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text()
        name = re.search(r"model name\s*: (.*)", text).group(1)
    except (OSError, AttributeError):
        name = platform.processor()
    return f"{name}, {os.cpu_count()} cores, {platform.system()}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="512M", help="size of the logs")
    parser.add_argument("--devices", default="5000")
    parser.add_argument("--runs", type=int, default=5, help="times that each tool is run")
    parser.add_argument("--without", action="append", default=[], help="leave out tools by name")
    args = parser.parse_args()
    python = str(TARGET / "rivals/bin/python")
    with tempfile.TemporaryDirectory() as scratch:
        folder, truth = os.path.join(scratch, "logs"), os.path.join(scratch, "truth.json")
        generate = [binary("generate-corpus"), folder, "--size", args.size, "--truth", truth]
        generate += ["--devices", args.devices, "--defects", "0"]
        subprocess.run(generate, check=True, stderr=subprocess.DEVNULL)
        truth = json.loads(pathlib.Path(truth).read_text())
        tools = rivals(folder, python)
        tools = [tool for tool in tools if not any(name in tool.name for name in args.without)]
        for tool in tools:
            # This run also brings the logs into the page cache.
            tool.check(truth)
        for _ in range(args.runs):
            for tool in tools:
                tool.measure()
        base = statistics.median(tools[0].walls)
        print(f"{time.strftime('%Y-%m-%d')}, {machine()}, {truth['bytes'] / 2**20:.0f} MiB, ", end="")
        print(f"{truth['lines']:,} lines, medians of {args.runs}; all tools agree on the counts\n")
        print("| tool | seconds | MB/s | time, ours = 1 | CPU seconds | version |")
        print("|---|---:|---:|---:|---:|---|")
        for tool in tools:
            wall, cpu = statistics.median(tool.walls), statistics.median(tool.cpus)
            print(
                f"| {tool.name} | {wall:.2f} | {truth['bytes'] / 1e6 / wall:.0f} | {wall / base:.2f} "
                f"| {cpu:.2f} | {tool.version} |"
            )


if __name__ == "__main__":
    main()
