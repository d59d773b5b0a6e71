#!/usr/bin/env bash
# Installs what a task needs and this Debian machine lacks, and says so. Quick and silent when all is there.
#
#   scripts/setup.sh build|lint|e2e|ui|bench|order|stack ...
#
# As root it installs with apt-get; otherwise it prints the command to run and fails.
set -euo pipefail

missing=()
need() { # need FILE-OR-COMMAND PACKAGE
  case $1 in
    /*) [ -e "$1" ] || missing+=("$2") ;;
    *) command -v "$1" >/dev/null || missing+=("$2") ;;
  esac
}

for task in "${@:-build}"; do
  case $task in
    build)
      need swift swift-6.3-from-swift.org
      need /usr/include/zlib.h zlib1g-dev
      ;;
    lint)
      need python3 python3
      python3 -c 'import yaml' 2>/dev/null || missing+=(python3-yaml)
      need promtool prometheus
      ;;
    e2e)
      need python3 python3
      # Debian's own Python has these in a package apart; another Python on the PATH brings them.
      python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
      need promtool prometheus
      need curl curl
      need openssl openssl
      need nginx nginx-light
      need haproxy haproxy
      ;;
    ui)
      need python3 python3
      python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
      need chromium chromium
      # Without a font there is no text in its pictures.
      need /usr/share/fonts/truetype/dejavu fonts-dejavu-core
      ;;
    bench)
      need python3 python3
      need taskset util-linux
      need wrk wrk
      need nginx nginx-light
      need haproxy haproxy
      ;;
    order)
      need python3 python3
      need taskset util-linux
      need wrk wrk
      need valgrind valgrind
      need objdump binutils
      ;;
    stack)
      need python3 python3
      python3 -c 'import yaml' 2>/dev/null || missing+=(python3-yaml)
      need promtool prometheus
      need prometheus-alertmanager prometheus-alertmanager
      ;;
    *)
      echo "setup: unknown task '$task'" >&2
      exit 2
      ;;
  esac
done

[ ${#missing[@]} -gt 0 ] || exit 0
readarray -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)

if [[ " ${missing[*]} " == *" swift-6.3-from-swift.org "* ]]; then
  echo "setup: swift is not on the PATH: install Swift 6.3 from https://www.swift.org/install" >&2
  exit 1
fi
if ! command -v apt-get >/dev/null; then
  echo "setup: please install: ${missing[*]}" >&2
  exit 1
fi
if [ "$(id -u)" != 0 ]; then
  echo "setup: something is missing; please run: sudo apt-get install -y --no-install-recommends ${missing[*]}" >&2
  exit 1
fi

echo "setup: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
# Debian starts the daemons that it installs; this forbids it meanwhile, since nothing here wants them.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
fi
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
