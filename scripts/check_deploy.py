#!/usr/bin/env python3
"""Checks what we ship for running Glasspot: docker-compose.yml and the files it mounts, deploy/kubernetes, deploy/systemd.

What a tool of its own can check (docker-compose config, kubectl kustomize, systemd-analyze, amtool) is asked of it where it is
installed; the rest is checked here: required fields, what we promise (nothing runs as root, everything has limits and a health
check, images are pinned), and that every name one file uses is one that another defines.
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")
KUBERNETES = ROOT / "deploy/kubernetes"


def defaults(text: str) -> str:
    """A compose value with no variable set."""
    return VARIABLE.sub(lambda match: match[2], text)


def tool(command: list[str], **more) -> str | None:
    """What a tool complains of; nothing when it is content or not installed."""
    if not shutil.which(command[0]):
        print(f"check-deploy: {command[0]} is not installed, skipped", file=sys.stderr)
        return None
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, **more)
    return (answer.stdout + answer.stderr).strip() if answer.returncode else None


# Compose


def check_service(name: str, service: dict, root: pathlib.Path, volumes: dict) -> list[str]:
    problems = []
    image = service.get("image", "")
    tag = defaults(image).rpartition(":")[2]
    if not VARIABLE.fullmatch(image) or tag in ("", "latest") or "/" in tag:
        problems.append(f"image '{image}' is not pinned by a tag that a variable overrides")
    user = str(service.get("user", ""))
    if not user or user.split(":")[0] in ("0", "root"):
        problems.append(f"runs as '{user}'")
    for key, wanted in {"read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}.items():
        if service.get(key) != wanted:
            problems.append(f"{key} is {service.get(key)!r}")
    problems += [f"no {key}" for key in ("mem_limit", "cpus", "pids_limit", "restart") if not service.get(key)]
    if not service.get("healthcheck", {}).get("test"):
        problems.append("no health check")
    for port in service.get("ports", []):
        if not port.startswith("127.0.0.1:"):
            problems.append(f"port {port} is published beyond this machine")
    for volume in service.get("volumes", []):
        source, _, rest = defaults(volume).partition(":")
        if source.startswith("."):
            if not (root / source).exists():
                problems.append(f"{source} does not exist")
            if not rest.endswith(":ro"):
                problems.append(f"{source} is not mounted read-only")
        elif source not in volumes:
            problems.append(f"volume {source} is not declared")
    return [f"{name}: {problem}" for problem in problems]


def check_compose(compose: dict, root: pathlib.Path = ROOT) -> list[str]:
    services = compose["services"]
    problems = [problem for name, service in services.items()
                for problem in check_service(name, service, root, compose.get("volumes", {}))]
    for name, service in services.items():
        for other, condition in service.get("depends_on", {}).items():
            if condition != {"condition": "service_healthy"}:
                problems.append(f"{name}: does not wait for the health of {other}")
    used = {str(volume).split(":")[0] for service in services.values() for volume in service.get("volumes", [])}
    problems += [f"volume {name} is not used" for name in compose.get("volumes", {}) if name not in used]
    return problems


def check_addresses(services: dict) -> list[str]:
    """Every host that a mounted configuration names must be a service that listens there."""
    listening = {"gateway": 40114, "backend-ollama": 11434, "backend-openai": 8000, "prometheus": 9090,
                 "alertmanager": 9093, "loki": 3100, "grafana": 3000}
    problems = [f"{name} is no service" for name in listening if name not in services]
    files = [ROOT / "prometheus/prometheus.yml", ROOT / "prometheus/prometheus-v3.yml", ROOT / "config/compose.yaml",
             ROOT / "deploy/alloy/config.alloy", *sorted((ROOT / "grafana").rglob("*.yml"))]
    for path in files:
        text = re.sub(r"(#|//) .*", "", path.read_text())
        for host, port in re.findall(r"(?:https?://|\[\"|\s\")([a-z][a-z-]*):(\d+)", text):
            if host != "localhost" and listening.get(host) != int(port):
                problems.append(f"{path.relative_to(ROOT)}: nothing listens on {host}:{port}")
    return problems


# Grafana, Loki, Alloy


def check_grafana() -> list[str]:
    problems = []
    folder = ROOT / "grafana/provisioning"
    sources = yaml.safe_load((folder / "datasources/glasspot.yml").read_text())["datasources"]
    kinds = {source["uid"]: source["type"] for source in sources}
    boards = {board["uid"]: board for board in map(
        json.loads, (path.read_text() for path in sorted((ROOT / "dashboards").glob("*.json"))))}
    for uid, board in boards.items():
        for variable in board["templating"]["list"]:
            wanted = variable.get("current", {}).get("value")
            if variable["type"] == "datasource" and kinds.get(wanted) != variable["query"]:
                problems.append(f"{uid}: no data source '{wanted}' of type {variable['query']} is provisioned")
    for source in sources:
        problems += [f"data source {source.get('name')}: no {key}" for key in ("name", "type", "url") if not source.get(key)]
        links = source.get("jsonData", {})
        for link in links.get("exemplarTraceIdDestinations", []) + links.get("derivedFields", []):
            match = re.fullmatch(r"/d/([\w-]+)\?var-(\w+)=\$\$\{__value\.raw\}", link.get("url", ""))
            variables = [one["name"] for one in boards.get(match[1], {}).get("templating", {}).get("list", [])] if match else []
            if not match or match[2] not in variables:
                problems.append(f"data source {source['name']}: link '{link.get('url')}' leads to no variable of a board")
    provider = yaml.safe_load((folder / "dashboards/glasspot.yml").read_text())["providers"][0]
    if provider["options"]["path"] != "/etc/grafana/dashboards" or provider["allowUiUpdates"]:
        problems.append("the dashboards' provider has another path, or lets them be edited")
    return problems


def check_loki(loki: dict) -> list[str]:
    problems = [f"loki.yml: no {key}" for key in (
        "auth_enabled", "server", "common", "schema_config", "limits_config") if key not in loki]
    for period in loki.get("schema_config", {}).get("configs", []):
        problems += [f"loki.yml: a schema without {key}" for key in ("from", "store", "object_store", "schema", "index")
                     if key not in period]
    if loki.get("compactor", {}).get("retention_enabled") and not loki["compactor"].get("delete_request_store"):
        problems.append("loki.yml: retention wants compactor.delete_request_store")
    return problems


def check_alloy(text: str) -> list[str]:
    """Blocks are closed, and every component that is referred to exists."""
    text = re.sub(r"//[^\n\"]*\n", "\n", text)
    problems = []
    for left, right in ("{}", "[]", "()"):
        bare = re.sub(r'"(?:\\.|[^"\\])*"', "", text)
        if bare.count(left) != bare.count(right):
            problems.append(f"config.alloy: {bare.count(left)} '{left}' and {bare.count(right)} '{right}'")
    defined = {f"{kind}.{label}" for kind, label in re.findall(r'^([a-z_.]+) "(\w+)" \{', text, re.M)}
    for reference in re.findall(r"\b([a-z_]+(?:\.[a-z_]+)+\.\w+)\.(?:receiver|targets)\b", text):
        if reference not in defined:
            problems.append(f"config.alloy: {reference} is not defined")
    return problems


# Kubernetes

REQUIRED = {
    "Deployment": ("spec.selector.matchLabels", "spec.template.metadata.labels", "spec.template.spec.containers"),
    "Service": ("spec.selector", "spec.ports"),
    "ServiceMonitor": ("spec.selector.matchLabels", "spec.endpoints", "spec.sampleLimit"),
    "PrometheusRule": ("spec.groups",),
    "HorizontalPodAutoscaler": ("spec.scaleTargetRef", "spec.minReplicas", "spec.maxReplicas", "spec.metrics"),
    "PodDisruptionBudget": ("spec.selector.matchLabels", "spec.maxUnavailable"),
    "NetworkPolicy": ("spec.podSelector", "spec.policyTypes", "spec.ingress"),
    "ServiceAccount": ("automountServiceAccountToken",),
    "ConfigMap": ("data",),
}
VERSIONS = {
    "Deployment": "apps/v1", "Service": "v1", "ServiceMonitor": "monitoring.coreos.com/v1",
    "PrometheusRule": "monitoring.coreos.com/v1", "HorizontalPodAutoscaler": "autoscaling/v2",
    "PodDisruptionBudget": "policy/v1", "NetworkPolicy": "networking.k8s.io/v1", "ServiceAccount": "v1", "ConfigMap": "v1",
}


def at(document: dict, path: str) -> object:
    value: object = document
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def check_container(container: dict) -> list[str]:
    problems = [f"no {key}" for key in (
        "startupProbe", "livenessProbe", "readinessProbe", "resources.limits.memory", "resources.requests.cpu")
        if not at(container, key)]
    security = container.get("securityContext", {})
    for key, wanted in {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]}}.items():
        if security.get(key) != wanted:
            problems.append(f"{key} is {security.get(key)!r}")
    ports = {port["name"] for port in container.get("ports", [])}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        if at(container, f"{probe}.httpGet.port") not in ports:
            problems.append(f"{probe} asks a port that the container does not name")
    return [f"container {container.get('name')}: {problem}" for problem in problems]


def check_kubernetes(documents: list[dict]) -> list[str]:
    problems = []
    by_kind: dict[str, list[dict]] = {}
    for document in documents:
        kind = document.get("kind", "nothing")
        by_kind.setdefault(kind, []).append(document)
        if document.get("apiVersion") != VERSIONS.get(kind):
            problems.append(f"{kind}: apiVersion is {document.get('apiVersion')}")
        problems += [f"{kind} {at(document, 'metadata.name')}: no {path}" for path in REQUIRED.get(kind, ())
                     if at(document, path) is None]
    problems += [f"no {kind}" for kind in REQUIRED if kind not in by_kind]
    if problems:
        return problems
    deployment = by_kind["Deployment"][0]
    pod = deployment["spec"]["template"]
    labels = pod["metadata"]["labels"]
    if not at(pod, "spec.securityContext.runAsNonRoot"):
        problems.append("Deployment: may run as root")
    problems += [problem for container in pod["spec"]["containers"] for problem in check_container(container)]
    ports = {port["name"] for container in pod["spec"]["containers"] for port in container["ports"]}
    for kind, path in (("Deployment", "spec.selector.matchLabels"), ("Service", "spec.selector"),
                       ("PodDisruptionBudget", "spec.selector.matchLabels"), ("NetworkPolicy", "spec.podSelector.matchLabels")):
        selector = at(by_kind[kind][0], path) or {}
        if not selector or not selector.items() <= labels.items():
            problems.append(f"{kind}: its selector {selector} does not select the pods")
    service, monitor = by_kind["Service"][0], by_kind["ServiceMonitor"][0]
    if not monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"].get("labels", {}).items():
        problems.append("ServiceMonitor: does not select the Service")
    if service["metadata"].get("labels", {}).get(monitor["spec"].get("jobLabel", "")) != "glasspot":
        problems.append("ServiceMonitor: the job is not named glasspot")
    names = {port["name"] for port in service["spec"]["ports"]}
    problems += [f"ServiceMonitor: port {one['port']} is none of the Service"
                 for one in monitor["spec"]["endpoints"] if one["port"] not in names]
    problems += [f"Service: targetPort {port['targetPort']} is none of the pod"
                 for port in service["spec"]["ports"] if port["targetPort"] not in ports]
    target = by_kind["HorizontalPodAutoscaler"][0]["spec"]["scaleTargetRef"]
    if (target["kind"], target["name"]) != ("Deployment", deployment["metadata"]["name"]):
        problems.append("HorizontalPodAutoscaler: scales something else")
    maps = {one["metadata"]["name"]: one for one in by_kind["ConfigMap"]}
    problems += [f"Deployment: no ConfigMap {at(volume, 'configMap.name')}" for volume in pod["spec"].get("volumes", [])
                 if at(volume, "configMap.name") not in maps]
    shown = sorted(name for one in maps.values() if at(one, "metadata.labels.grafana_dashboard") for name in one["data"])
    if shown != sorted(path.name for path in (ROOT / "dashboards").glob("*.json")):
        problems.append(f"dashboards in ConfigMaps: {shown}")
    return problems


def rendered() -> list[dict] | str:
    """The kustomization's documents, by kubectl; or why there are none."""
    answer = subprocess.run(["kubectl", "kustomize", str(KUBERNETES)], capture_output=True, text=True, check=False, timeout=60)
    return list(yaml.safe_load_all(answer.stdout)) if answer.returncode == 0 else answer.stderr.strip()


def check_context(manifest: str, ignore: str) -> list[str]:
    """The targets of a manifest that a build of the image would not find: one that is missing fails it."""
    allowed = {line[1:] for line in ignore.splitlines() if line.startswith("!")}
    paths = re.findall(r'path: "([^"]+)"', manifest)
    return [f".dockerignore: {path} of Package.swift is left out" for path in paths if path not in allowed]


def check_systemd() -> list[str]:
    """Asks systemd about the unit, with programs that exist in place of those that will."""
    with tempfile.TemporaryDirectory() as folder:
        unit = pathlib.Path(folder) / "glasspot.service"
        text = (ROOT / "deploy/systemd/glasspot.service").read_text()
        unit.write_text(text.replace("/usr/local/bin/glasspot", "/bin/true"))
        answer = tool(["systemd-analyze", "verify", str(unit)])
        # 2.0 of 10: what is left is what a network service needs.
        exposed = tool(["systemd-analyze", "security", "--offline=true", "--threshold=20", str(unit)])
    problems = [f"glasspot.service: {answer}"] if answer else []
    return problems + (["glasspot.service: too exposed, see systemd-analyze security"] if exposed else [])


def main() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    problems = check_compose(compose) + check_addresses(compose["services"]) + check_grafana()
    problems += check_loki(yaml.safe_load((ROOT / "deploy/loki/loki.yml").read_text()))
    problems += check_alloy((ROOT / "deploy/alloy/config.alloy").read_text()) + check_systemd()
    problems += check_context((ROOT / "Package.swift").read_text(), (ROOT / ".dockerignore").read_text())
    for command in (["docker-compose", "config", "--quiet"], ["amtool", "check-config", "prometheus/alertmanager.yml"]):
        if answer := tool(command, cwd=ROOT):
            problems.append(f"{' '.join(command)}: {answer}")
    if shutil.which("kubectl"):
        documents = rendered()
        problems += [documents] if isinstance(documents, str) else check_kubernetes(documents)
    else:
        print("check-deploy: kubectl is not installed, its rendering is skipped", file=sys.stderr)
    # Without kubectl: still YAML, still with kinds that we know.
    for path in sorted(KUBERNETES.glob("*.yaml")):
        list(yaml.safe_load_all(path.read_text()))
    for problem in problems:
        print(problem, file=sys.stderr)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
