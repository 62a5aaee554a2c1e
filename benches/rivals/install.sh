#!/usr/bin/env bash
# Installs the tools that run.py compares with, by the names of their packages (Debian and Python).
set -euo pipefail
cd "$(dirname "$0")"

as_root=
if [ "$(id -u)" != 0 ]; then as_root=sudo; fi
$as_root apt-get update -q
$as_root apt-get install -q -y --no-install-recommends goaccess mawk python3-venv ripgrep

# DuckDB comes as a Python package. The folder is not part of the repository.
rivals=${CARGO_TARGET_DIR:-../../target}/rivals
python3 -m venv "$rivals"
"$rivals/bin/pip" install --quiet duckdb
