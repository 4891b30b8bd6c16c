"""Checks every crate of the lock file against deny.toml: licences, bans, sources. Needs Python 3.11 and cargo."""

import json
import pathlib
import re
import subprocess
import sys
import tomllib

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


def allowed(expression: str, licences: set[str]) -> bool:
    """Whether an SPDX expression can be met: AND binds tighter than OR; "/" is the old way to write OR."""
    tokens = re.findall(r"\(|\)|[^\s()]+", expression.replace("/", " OR "))

    def either() -> bool:
        met = both()
        while tokens and tokens[0] == "OR":
            tokens.pop(0)
            met = both() or met
        return met

    def both() -> bool:
        met = one()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            met = one() and met
        return met

    def one() -> bool:
        name = tokens.pop(0)
        if name == "(":
            met = either()
            tokens.pop(0)
            return met
        while tokens and tokens[0] == "WITH":
            name += f" WITH {tokens.pop(0) and tokens.pop(0)}"
        return name in licences

    return either()


def faults(metadata: dict, policy: dict) -> list[str]:
    """What is against the policy, in words."""
    licences = set(policy["licenses"]["allow"])
    clarified = {entry["crate"]: entry["expression"] for entry in policy["licenses"].get("clarify", [])}
    banned = {entry["crate"]: entry["reason"] for entry in policy["bans"]["deny"]}
    found = []
    for package in metadata["packages"]:
        name = f"{package['name']} {package['version']}"
        licence = clarified.get(package["name"]) or package["license"]
        if not licence or not allowed(licence, licences):
            found.append(f"{name}: licence {licence!r} is not allowed")
        if package["name"] in banned:
            found.append(f"{name}: banned, {banned[package['name']]}")
        if package["source"] and "crates.io-index" not in package["source"]:
            found.append(f"{name}: comes from {package['source']}")
    return found


def main() -> int:
    policy = tomllib.loads((REPOSITORY / "deny.toml").read_text())
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--all-features"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True)
    metadata = json.loads(done.stdout)
    found = faults(metadata, policy)
    print("\n".join(found) or f"{len(metadata['packages'])} crates: licences, bans and sources are fine")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
