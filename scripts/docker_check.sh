#!/usr/bin/env bash
# Builds the container image, starts what of docker-compose.yml Debian has images for (gateway, backends, load, Prometheus,
# Alertmanager) and waits until all are healthy, where a container engine can run. Prints the image's size and its start time.
#
# Without a registry, ../shared/tools/local-images.sh makes the base images from this machine. GLASSPOT_IMAGE names an image
# that is built already.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=${LOCAL_IMAGES:-../shared/tools/local-images.sh}

if ! docker info >/dev/null 2>&1; then
  if [ "$(id -u)" = 0 ] && [ -x "$tools" ] && "$tools" engine >/dev/null 2>&1 && docker info >/dev/null 2>&1; then
    echo "docker-check: started an engine"
  else
    echo "docker-check: skipped, no container engine can run here"
    exit 0
  fi
fi
swift_image=${SWIFT_IMAGE:-swift:6.3-bookworm}
for pair in debian=debian:bookworm-slim "swift=$swift_image" prometheus=prom/prometheus:latest alertmanager=prom/alertmanager:latest; do
  [ "${pair%%=*}" = swift ] && [ -n "${GLASSPOT_IMAGE:-}" ] && continue
  docker image inspect "${pair#*=}" >/dev/null 2>&1 || docker pull -q "${pair#*=}" 2>/dev/null || "$tools" "${pair%%=*}" >/dev/null
done

image=${GLASSPOT_IMAGE:-glasspot:check}
if [ -z "${GLASSPOT_IMAGE:-}" ]; then
  docker build --network host --build-arg "SWIFT_IMAGE=$swift_image" -t "$image" .
fi

# The image alone: how large, how soon it answers, who it runs as.
container=$(docker create --network host --read-only -e OLLA_SERVER_HOST=127.0.0.1 -e OLLA_SERVER_PORT=24113 "$image" --demo)
folder=$(mktemp -d)
chmod 755 "$folder"
finish() {
  docker rm -f "$container" >/dev/null 2>&1 || true
  if [ -e "$folder/docker-compose.yml" ]; then
    docker-compose -p glasspot-check -f "$folder/docker-compose.yml" down -v >/dev/null 2>&1 || true
  fi
  rm -rf "$folder"
}
trap finish EXIT
milliseconds() { date +%s%3N; }
start=$(milliseconds)
docker start "$container" >/dev/null
answered=no
for _ in $(seq 600); do
  if curl -fsS -o /dev/null http://127.0.0.1:24113/internal/health 2>/dev/null; then
    answered=yes
    break
  fi
  sleep 0.02
done
took=$(($(milliseconds) - start))
user=$(docker inspect -f '{{.Config.User}}' "$container")
size=$(docker image inspect -f '{{.Size}}' "$image")
echo "docker-check: image of $((size / 1000000)) MB, user $user, answers $took ms after docker start"
if [ "$answered" != yes ] || [ -z "$user" ] || [ "${user%%:*}" = 0 ] || [ "$user" = root ]; then
  docker logs "$container" 2>&1 | tail -n 50
  exit 1
fi
docker rm -f "$container" >/dev/null

# The stack.
python3 -B scripts/compose_on_host.py "$folder" "$image"
docker-compose -p glasspot-check -f "$folder/docker-compose.yml" up -d 2>&1 | tail -n 8
services=$(docker-compose -p glasspot-check -f "$folder/docker-compose.yml" ps -q | wc -l)
for _ in $(seq 90); do
  healthy=$(docker ps -q --filter name=glasspot-check --filter health=healthy | wc -l)
  [ "$healthy" = 6 ] && break
  sleep 1
done
echo "docker-check: $healthy of $services services are healthy"
ask() { curl -fsS -G "http://127.0.0.1:29090/api/v1/query" --data-urlencode "query=$1"; }
ok=no
for _ in $(seq 150); do
  if ask 'sum(up == 1) == 3 and on () sum(rate(glasspot_requests_total{outcome="ok"}[30s])) > 1' | grep -q '"value"' &&
    curl -fsS http://127.0.0.1:29093/api/v2/alerts | grep -q GlasspotWatchdog; then
    ok=yes
    break
  fi
  sleep 1
done
if [ "$healthy" != 6 ] || [ "$ok" != yes ]; then
  docker-compose -p glasspot-check -f "$folder/docker-compose.yml" ps
  docker-compose -p glasspot-check -f "$folder/docker-compose.yml" logs --tail 15
  ask up || true
  echo "docker-check: FAILED"
  exit 1
fi
echo "docker-check: Prometheus scrapes all three, requests flow, Alertmanager has the watchdog's alert"
