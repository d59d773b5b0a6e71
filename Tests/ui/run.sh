#!/usr/bin/env bash
# Sets up what the browser run needs (a virtual environment; Chromium is scripts/setup.sh's) and starts it.
#
#   Tests/ui/run.sh [--glasspot FILE] [--mockllm FILE] [--images] [other options of ui.py]
set -euo pipefail
cd "$(dirname "$0")/../.."

packages=(playwright)
venv=.venv
stamp="$venv/.ui-packages"

if [ "$(cat "$stamp" 2>/dev/null || true)" != "${packages[*]}" ]; then
  echo "ui: installing from PyPI into $venv, once: ${packages[*]}"
  [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
  "$venv/bin/python" -m pip install --disable-pip-version-check --progress-bar off "${packages[@]}" |
    sed -u -n 's/^ *\(Collecting\|Downloading\|Successfully\)/ui: \1/p'
  echo "${packages[*]}" >"$stamp"
fi

exec "$venv/bin/python" -B Tests/ui/ui.py "$@"
