#!/usr/bin/env python3
"""Builds the dashboards that Grafana gets: FILE.json beside this script for each module in boards/.

`build.py` writes the files and removes those of boards that are gone, `build.py --check` only compares.
"""
import json
import pathlib
import sys

from boards import endpoints, internals, llm_latency, overview, requests
from parts import LOKI, PROMETHEUS, SELECTOR, Board, Panel, Row, Variable

FOLDER = pathlib.Path(__file__).resolve().parent
BOARDS: list[Board] = [overview.BOARD, llm_latency.BOARD, endpoints.BOARD, internals.BOARD, requests.BOARD]
WIDTH = 24
HEIGHTS = {"stat": 4, "row": 1, "logs": 12, "table": 8}
# A board with one data source calls its variable as dashboard-linter wants it.
SOURCE_VARIABLES = {PROMETHEUS: ("datasource", "Data source"), LOKI: ("loki_datasource", "Loki data source")}


def source(board: Board) -> dict:
    return {"type": board.source, "uid": "${" + SOURCE_VARIABLES[board.source][0] + "}"}


def target(board: Board, panel: Panel, index: int) -> dict:
    one = panel.queries[index]
    result = {"refId": chr(ord("A") + index), "datasource": source(board), "expr": one.expression}
    if one.legend:
        result["legendFormat"] = one.legend
    if board.source == LOKI:
        result["queryType"] = "range"
        return result
    result["range"] = not one.instant
    result["instant"] = one.instant
    if one.exemplars:
        result["exemplar"] = True
    if panel.kind in ("heatmap", "table"):
        result["format"] = panel.kind
    return result


def field_defaults(panel: Panel) -> dict:
    result: dict = {"unit": panel.unit}
    if panel.kind not in ("logs", "table", "state-timeline"):
        result["min"] = 0
    if panel.maximum is not None:
        result["max"] = panel.maximum
    if panel.thresholds:
        result["color"] = {"mode": "thresholds"}
        result["thresholds"] = {
            "mode": "absolute", "steps": [{"value": value, "color": colour} for value, colour in panel.thresholds]}
    if panel.mappings:
        result["mappings"] = [{"type": "value", "options": {
            value: {"text": text, "color": colour, "index": index}
            for index, (value, text, colour) in enumerate(panel.mappings)}}]
    if panel.kind == "timeseries":
        result["custom"] = {
            "drawStyle": "line", "lineWidth": 1, "fillOpacity": 25 if panel.stacked else 8, "showPoints": "never",
            "spanNulls": False, "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
            **({"thresholdsStyle": {"mode": "line"}} if panel.thresholds else {})}
        if panel.thresholds:
            result["color"] = {"mode": "palette-classic"}
    return result


OPTIONS = {
    "timeseries": {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
                   "tooltip": {"mode": "multi", "sort": "desc"}},
    "stat": {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
             "colorMode": "value", "graphMode": "area", "textMode": "auto"},
    "state-timeline": {"mergeValues": True, "showValue": "never", "rowHeight": 0.9, "alignValue": "left",
                       "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
                       "tooltip": {"mode": "single", "sort": "none"}},
    "logs": {"showTime": True, "wrapLogMessage": True, "prettifyLogMessage": False, "enableLogDetails": True,
             "dedupStrategy": "none", "sortOrder": "Descending"},
    "table": {"showHeader": True, "cellHeight": "sm"},
}


def options(panel: Panel) -> dict:
    if panel.kind != "heatmap":
        return OPTIONS[panel.kind]
    return {
        "calculate": False, "cellGap": 1, "showValue": "never", "legend": {"show": True},
        "color": {"mode": "scheme", "scheme": "Oranges", "exponent": 0.5, "steps": 64, "reverse": False},
        "exemplars": {"color": "rgba(31, 96, 196, 0.9)"}, "filterValues": {"le": 1e-9},
        "rowsFrame": {"layout": "auto"}, "tooltip": {"mode": "single", "yHistogram": True},
        "yAxis": {"axisPlacement": "left", "unit": panel.unit, "reverse": False}}


def grafana_panel(board: Board, number: int, panel: Panel, x: int, y: int) -> dict:
    result = {
        "id": number, "type": panel.kind, "title": panel.title, "description": panel.description,
        "datasource": source(board), "gridPos": {"x": x, "y": y, "w": panel.width, "h": HEIGHTS.get(panel.kind, 8)},
        "fieldConfig": {"defaults": field_defaults(panel), "overrides": []}, "options": options(panel),
        "targets": [target(board, panel, index) for index in range(len(panel.queries))],
    }
    if panel.kind == "table":
        # One row per series; the constant columns say nothing.
        result["transformations"] = [{"id": "organize", "options": {
            "excludeByName": {"Time": True, "Value": True, "__name__": True}}}]
    return result


def grafana_row(board: Board, row: Row, number: int, y: int) -> tuple[list[dict], int]:
    """A row's panels, flowing from left to right, and the height that they end at."""
    head = {"id": number, "type": "row", "title": row.title, "collapsed": row.collapsed, "panels": [],
            "gridPos": {"x": 0, "y": y, "w": WIDTH, "h": HEIGHTS["row"]}}
    panels: list[dict] = []
    y += HEIGHTS["row"]
    x = height = 0
    for panel in row.panels:
        wanted = HEIGHTS.get(panel.kind, 8)
        if x + panel.width > WIDTH or (x and wanted != height):
            x, y = 0, y + height
        panels.append(grafana_panel(board, number + 1 + len(panels), panel, x, y))
        height = wanted
        x += panel.width
    if row.collapsed:
        # Grafana keeps the panels of a closed row inside it.
        head["panels"] = panels
        return [head], y if row.collapsed else y + height
    return [head, *panels], y + height


def variable(board: Board, one: Variable) -> dict:
    label = one.name.capitalize()
    shared = {
        "name": one.name, "label": label, "type": "query", "datasource": source(board), "multi": True,
        "includeAll": True, "allValue": ".+", "current": {"text": "All", "value": "$__all"}, "refresh": 2,
        "sort": 1, "hide": 0, "regex": "", "options": []}
    if board.source == LOKI:
        matchers = f"{{{one.matchers}}}" if one.matchers else ""
        return {**shared, "query": {"label": one.name, "stream": matchers, "type": 1, "refId": f"{one.name}-variable"},
                "definition": f"label_values({matchers + ', ' if matchers else ''}{one.name})"}
    matchers = f"{{{one.matchers}}}" if one.matchers else ""
    expression = f"label_values({one.metric}{matchers}, {one.name})"
    return {**shared, "query": {"query": expression, "refId": f"{one.name}-variable"}, "definition": expression}


def variables(board: Board) -> list[dict]:
    name, label = SOURCE_VARIABLES[board.source]
    uid = board.source
    first = [
        {"name": name, "label": label, "type": "datasource", "query": board.source,
         "current": {"text": uid.capitalize(), "value": uid}, "refresh": 1, "hide": 0, "regex": "", "options": [],
         "multi": False, "includeAll": False},
        variable(board, Variable("job", "glasspot_build_info")),
        variable(board, Variable("instance", "glasspot_build_info", 'job=~"$job"')),
    ]
    if board.source == LOKI:
        # Arrives by link: from an exemplar, a log line, or a header of a response.
        first.append({"name": "request_id", "label": "Request id", "type": "textbox", "query": "", "hide": 0,
                      "current": {"text": "", "value": ""}, "options": [{"text": "", "value": "", "selected": True}]})
    return first + [variable(board, one) for one in board.variables]


def annotations(board: Board) -> list[dict]:
    if board.source == LOKI:
        return []

    def annotation(name: str, colour: str, expression: str, title: str, text: str, enabled: bool = True) -> dict:
        return {"name": name, "datasource": source(board), "enable": enabled, "hide": False, "iconColor": colour,
                "expr": expression, "step": "30s", "titleFormat": title, "textFormat": text, "useValueForTime": False}

    info = f"glasspot_build_info{{{SELECTOR}}}"
    return [
        annotation("Reloads", "blue", f"sum by (instance, result) (increase(glasspot_config_reloads_total{{{SELECTOR}}}"
                   "[1m])) > 0", "Configuration reload: {{result}}", "{{instance}}"),
        annotation("Versions", "purple", f"{info} unless on (job, instance, version, revision) ({info} offset 2m)",
                   "Version {{version}}", "{{instance}}, revision {{revision}}"),
        annotation("Alerts", "red", 'ALERTS{alertstate="firing", alertname=~"Glasspot.+"}', "{{alertname}}",
                   "{{severity}} {{endpoint}} {{model}}", enabled=False),
    ]


def links(board: Board) -> list[dict]:
    """A link to each of the other boards that keeps the time range and the filters."""
    return [
        {"title": other.title.split(" / ")[1], "type": "link", "url": f"/d/{other.uid}", "icon": "dashboard",
         "tooltip": other.description, "tags": [], "asDropdown": False, "targetBlank": False, "keepTime": True,
         "includeVars": other.source == board.source}
        for other in BOARDS if other is not board]


def dashboard(board: Board) -> dict:
    panels: list[dict] = []
    y = 0
    number = 1
    for row in board.rows:
        made, y = grafana_row(board, row, number, y)
        number += 1 + len(row.panels)
        panels += made
    return {
        "uid": board.uid, "title": board.title, "description": board.description,
        "tags": ["glasspot", *board.tags], "schemaVersion": 42, "version": 1, "editable": False, "graphTooltip": 1,
        "refresh": "10s", "time": {"from": "now-30m", "to": "now"}, "timezone": "browser", "links": links(board),
        "annotations": {"list": annotations(board)}, "templating": {"list": variables(board)}, "panels": panels,
    }


def main() -> None:
    wanted = {FOLDER / f"{board.file}.json": json.dumps(dashboard(board), indent=2) + "\n" for board in BOARDS}
    left = sorted(set(FOLDER.glob("*.json")) - wanted.keys())
    if "--check" not in sys.argv[1:]:
        for path, text in wanted.items():
            path.write_text(text)
        for path in left:
            path.unlink()
        return
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text] + left
    if stale:
        sys.exit(f"{', '.join(path.name for path in stale)}: not what build.py makes; run dashboards/build.py")


if __name__ == "__main__":
    main()
