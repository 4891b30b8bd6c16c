"""What the processes of a system count."""

import re

import requests


def total(system, name: str, **labels: str) -> int:
    """A counter of all processes together, over all label values that are not given."""
    found = 0
    for process in system.processes:
        text = requests.get(f"{process.url}/metrics", timeout=30).text
        for given, value in re.findall(rf"^cloudify_{name}(?:\{{(.*)\}})? (\S+)$", text, re.MULTILINE):
            if all(f'{label}="{wanted}"' in given for label, wanted in labels.items()):
                found += int(float(value))
    return found
