#!/usr/bin/env python3
"""Writes docker-compose.yml as it can run on a machine without registry: the services whose images Debian's packages can
make, on the host's network so that all traffic stays on loopback, on ports that nobody else uses; without raised limits,
which an engine inside a container may not set.

    compose_on_host.py FOLDER IMAGE     writes FOLDER/docker-compose.yml and copies of the files it mounts
"""
import pathlib
import re
import sys

import yaml

import check_deploy

ROOT = check_deploy.ROOT
SERVICES = ("gateway", "backend-ollama", "backend-openai", "load", "prometheus", "alertmanager")
# Below the ports that the system gives to outgoing connections.
PORTS = {"40114": "24114", "11434": "21434", "8000": "28000", "9090": "29090", "9093": "29093"}
IMAGES = {"prometheus": "prom/prometheus:latest", "alertmanager": "prom/alertmanager:latest"}


def moved(text: str) -> str:
    """A text with the other ports, on loopback."""
    text = re.sub(r"\b(" + "|".join(PORTS) + r")\b", lambda match: PORTS[match[1]], text)
    return text.replace("0.0.0.0", "127.0.0.1")


def moved_all(value: object) -> object:
    if isinstance(value, str):
        return moved(check_deploy.defaults(value))
    if isinstance(value, list):
        return [moved_all(one) for one in value]
    if isinstance(value, dict):
        return {key: moved_all(one) for key, one in value.items()}
    return value


def mounted(volume: str, folder: pathlib.Path) -> str:
    """The volume with a moved copy of what it mounts."""
    source, _, rest = check_deploy.defaults(volume).partition(":")
    if not source.startswith("."):
        return volume
    if source.endswith("prometheus-v3.yml"):
        source = "./prometheus/prometheus.yml"
    copy = folder / source
    original = ROOT / source
    for path in [original] if original.is_file() else sorted(original.rglob("*")):
        target = copy if original.is_file() else copy / path.relative_to(original)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(moved(path.read_text()))
        target.chmod(0o644)
    return f"{copy.resolve()}:{rest}"


def service(name: str, source: dict, folder: pathlib.Path, image: str) -> dict:
    volumes = [mounted(volume, folder) for volume in source.get("volumes", [])]
    result = {key: moved_all(value) for key, value in source.items() if key not in ("build", "ports", "volumes", "ulimits")}
    result |= {"image": IMAGES.get(name, image), "network_mode": "host", "volumes": volumes,
               "extra_hosts": [f"{host}:127.0.0.1" for host in SERVICES]}
    if name in IMAGES:
        port = {"prometheus": "29090", "alertmanager": "29093"}[name]
        result["command"] = [*result["command"], f"--web.listen-address=127.0.0.1:{port}"]
    if name == "gateway":
        result["environment"]["OLLA_SERVER_HOST"] = "127.0.0.1"
    return result


def main() -> None:
    folder, image = pathlib.Path(sys.argv[1]), sys.argv[2]
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    services = {name: service(name, compose["services"][name], folder, image) for name in SERVICES}
    used = {volume.split(":")[0] for one in services.values() for volume in one["volumes"]}
    volumes = {name: value for name, value in compose["volumes"].items() if name in used}
    (folder / "docker-compose.yml").write_text(yaml.safe_dump({"version": "2.4", "services": services, "volumes": volumes}))


if __name__ == "__main__":
    main()
