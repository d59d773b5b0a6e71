#!/usr/bin/env bash
# Builds the container image and waits until it reports itself healthy, where a container engine can run.
#
# Without a registry, ../shared/tools/local-images.sh makes the base images from this machine.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=../shared/tools/local-images.sh

if ! docker info >/dev/null 2>&1; then
  if [ "$(id -u)" = 0 ] && [ -x "$tools" ] && "$tools" engine >/dev/null 2>&1 && docker info >/dev/null 2>&1; then
    echo "docker-check: started an engine"
  else
    echo "docker-check: skipped, no container engine can run here"
    exit 0
  fi
fi
for image in debian swift; do
  case $image in debian) name=debian:bookworm-slim ;; swift) name=${SWIFT_IMAGE:-swift:6.3-bookworm} ;; esac
  docker image inspect "$name" >/dev/null 2>&1 || docker pull -q "$name" 2>/dev/null || "$tools" "$image"
done

docker build --network host --build-arg "SWIFT_IMAGE=${SWIFT_IMAGE:-swift:6.3-bookworm}" -t glasspot:check .
container=$(docker run -d --network host -e OLLA_SERVER_HOST=127.0.0.1 glasspot:check --demo)
trap 'docker rm -f "$container" >/dev/null' EXIT
for _ in $(seq 60); do
  state=$(docker inspect -f '{{.State.Health.Status}}' "$container")
  [ "$state" = healthy ] && break
  [ "$(docker inspect -f '{{.State.Running}}' "$container")" = true ] || break
  sleep 1
done
user=$(docker inspect -f '{{.Config.User}}' "$container")
echo "docker-check: $state, user $user, $(docker image inspect -f '{{.Size}}' glasspot:check) bytes"
[ "$state" = healthy ] && [ "$user" != root ] && [ -n "$user" ] || {
  docker logs "$container" | tail -n 50
  exit 1
}
