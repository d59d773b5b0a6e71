#!/usr/bin/env python3
"""Puts the dashboard's files into Swift sources, so that the gateway serves them from its own memory.

    web/build.py           writes Sources/DashboardAssets/Generated/*.swift
    web/build.py --check   fails when they are not what the files here give

There is no other step: what a browser gets is what stands here, except that each asset's name carries a hash of its
content and references follow. The first load, compressed, must stay within LIMIT bytes.
"""

import gzip
import hashlib
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGET = HERE.parent / "Sources" / "DashboardAssets" / "Generated"
ROOT = "/internal/ui/"
LIMIT = 150_000
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
IMPORT = re.compile(r'(from |import )"\./([a-z]+\.js)"')
REFERENCE = re.compile(re.escape(ROOT) + r"assets/([a-z]+\.(?:js|css|svg))")


def tag_of(text):
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def hashed(name, text):
    stem, _, extension = name.rpartition(".")
    return f"{stem}.{tag_of(text)}.{extension}"


def assets():
    """Every file with its path and final text: modules after what they import, the document last."""
    sources = {path.name: path.read_text() for path in HERE.iterdir() if path.suffix in TYPES}
    names = {}
    texts = {}

    def finish(name, importers=()):
        if name in names:
            return
        if name in importers:
            sys.exit(f"web/build.py: {' imports '.join((*importers, name))}: modules must not import in a circle")
        text = sources[name]
        if name.endswith(".js"):
            for imported in (match[2] for match in IMPORT.finditer(text)):
                if imported not in sources:
                    sys.exit(f"web/build.py: {name} imports {imported}, which is not there")
                finish(imported, (*importers, name))
            text = IMPORT.sub(lambda match: f'{match[1]}"./{names[match[2]]}"', text)
        names[name] = hashed(name, text)
        texts[name] = text

    for name in sorted(sources):
        if name != "index.html":
            finish(name)
    document = sources["index.html"]
    unknown = set(REFERENCE.findall(document)) - set(names)
    if unknown:
        sys.exit(f"web/build.py: index.html refers to {', '.join(sorted(unknown))}, which is not there")
    texts["index.html"] = REFERENCE.sub(lambda match: f"{ROOT}assets/{names[match[1]]}", document)
    return [(name, f"assets/{names[name]}" if name in names else name, texts[name]) for name in sorted(texts)]


def constant(name):
    stem, _, extension = name.rpartition(".")
    return stem + extension.capitalize()


def swift(name, path, text):
    if '"""##' in text or "\\##(" in text:
        sys.exit(f"web/build.py: {name} holds what ends a Swift text")
    freshness = "document" if name == "index.html" else "immutable"
    body = text if text.endswith("\n") else text + "\n"
    return f'''// swift-format-ignore-file
// Written by web/build.py from web/{name}.

extension DashboardAssets {{
    static let {constant(name)} = DashboardAsset(
        path: "{path}", mediaType: "{TYPES[Path(name).suffix]}", freshness: .{freshness}, tag: "{tag_of(text)}",
        text: ##"""
{body}
"""##)
}}
'''


def generated():
    files = {}
    everything = assets()
    for name, path, text in everything:
        files[f"{constant(name)[0].upper()}{constant(name)[1:]}.swift"] = swift(name, path, text)
    constants = ", ".join(f".{constant(name)}" for name, _, _ in everything)
    files["All.swift"] = f'''// swift-format-ignore-file
// Written by web/build.py.

extension DashboardAssets {{
    /// Every file of the dashboard.
    public static var all: [DashboardAsset] {{ [{constants.replace(".", "Self.")}] }}
}}
'''
    size = sum(len(gzip.compress(text.encode(), 6)) for _, _, text in everything)
    if size > LIMIT:
        sys.exit(f"web/build.py: the first load is {size} bytes compressed, more than {LIMIT}")
    return files, size


def main():
    files, size = generated()
    present = {path.name: path.read_text() for path in TARGET.glob("*.swift")} if TARGET.is_dir() else {}
    if sys.argv[1:] == ["--check"]:
        if files != present:
            different = sorted(name for name in files.keys() | present.keys() if files.get(name) != present.get(name))
            sys.exit(f"web/build.py: not up to date, run it: {', '.join(different)}")
        return
    if sys.argv[1:]:
        sys.exit(__doc__)
    TARGET.mkdir(parents=True, exist_ok=True)
    for name in present.keys() - files.keys():
        (TARGET / name).unlink()
    for name, text in files.items():
        if present.get(name) != text:
            (TARGET / name).write_text(text)
    print(f"web/build.py: {len(files) - 1} files, {size} bytes compressed")


if __name__ == "__main__":
    main()
