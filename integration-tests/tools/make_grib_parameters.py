"""Makes services/crates/formats/data/grib_parameters.bin: what ecCodes' definition files say of parameters and levels.

    integration-tests/.venv-zarr3/bin/python integration-tests/tools/make_grib_parameters.py [directory of definitions]

Without a directory the definitions inside the wheel `eccodeslib` are read. They are (C) ECMWF, Apache-2.0.

The table is text in parts, each a zlib stream of its own; before them the length (four bytes, little-endian) and the
zlib stream of an index of lines `name, offset, length`, where a name is `kind edition group variant`:

    parameters    paramId, shortName, units, name, conditions: a concept whose conditions all hold gives the parameter
    cfName        standard name, conditions
    typeOfLevel   name, conditions
    switch, switchViaTables   which variant of the parameters a message goes by (GRIB2, `MTG2Switch`), conditions
    centres       code, abbreviation: names the group of a centre's own concepts
    template      offsets of keys in section 4: `key offset width signed`, one part for each template
"""

import ctypes
import pathlib
import re
import struct
import sys
import zlib

OUT = pathlib.Path(__file__).parents[2] / "services/crates/formats/data/grib_parameters.bin"
FIELDS = ("paramId", "shortName", "units", "name")
VARIANTS = ("default", "lte33", "chemsplit", "legacy")


class Definitions:
    """Definition files by their path below `definitions/`: of a directory, or of the wheel's library."""

    def __init__(self, directory):
        if directory:
            root = pathlib.Path(directory)
            self.files = {str(p.relative_to(root)): p.read_text() for p in root.rglob("*") if p.is_file()}
        else:
            self.files = dict(self.in_wheel())

    @staticmethod
    def in_wheel():
        import eccodeslib

        path = pathlib.Path(eccodeslib.__file__).parent / "lib64/libeccodes_memfs.so"
        library, c = ctypes.CDLL(str(path)), ctypes.CDLL(None)
        library.codes_memfs_open.restype = ctypes.c_void_p
        library.codes_memfs_open.argtypes = [ctypes.c_char_p]
        c.fread.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_void_p]
        c.fread.restype = ctypes.c_size_t
        c.fclose.argtypes = [ctypes.c_void_p]
        prefix = "/MEMFS/definitions/"
        names = set(re.findall(prefix.encode() + rb"(?:grib[12]|common)/[A-Za-z0-9_./+-]+", path.read_bytes()))
        for name in sorted(names):
            if file := library.codes_memfs_open(name):
                text, buffer = b"", ctypes.create_string_buffer(1 << 20)
                while count := c.fread(buffer, 1, 1 << 20, file):
                    text += buffer.raw[:count]
                c.fclose(file)
                yield name.decode()[len(prefix):], text.decode("utf-8", "replace")

    def concepts(self, path):
        """[(value, conditions)] of a concept file, in its order."""
        text = re.sub(r"^\s*#.*$", "", self.files.get(path, ""), flags=re.M)
        text = re.sub(r"(?<=[;{])\s*#.*$", "", text, flags=re.M)
        found = []
        for quoted, bare, body in re.findall(r"(?:['\"]([^'\"\n]*)['\"]|(-?\w+))\s*=\s*\{([^}]*)\}", text):
            for conditions in self.conditions(body):
                found.append((quoted or bare, conditions))
        return found

    @staticmethod
    def conditions(body):
        alternatives = [[]]
        for item in filter(None, (item.strip() for item in body.split(";"))):
            key, value = (part.strip() for part in item.split("=", 1))
            if match := re.fullmatch(r"is_one_of\(\s*(\w+)\s*,(.*)\)", value):
                options = [(match[1], option.strip()) for option in match[2].split(",")]
            elif value == "missing()":
                options = [(key, "m")]
            else:
                options = [(key, re.sub(r"[\[\]\s'\"]", "", value))]
            alternatives = [have + [option] for have in alternatives for option in options]
        return [";".join(f"{key}={value}" for key, value in items) for items in alternatives]

    def groups(self, edition):
        local = {m[1] for m in (re.match(rf"grib{edition}/localConcepts/(\w+)/", name) for name in self.files) if m}
        return [("master", f"grib{edition}/")] + [(g, f"grib{edition}/localConcepts/{g}/") for g in sorted(local)]


def parameters(definitions, directory, variant):
    suffix = "" if variant == "default" else f".{variant}"
    entries = {}
    for field in FIELDS:
        seen = {}
        for value, conditions in definitions.concepts(f"{directory}{field}{suffix}.def"):
            seen[conditions] = seen.get(conditions, 0) + 1
            entry = entries.setdefault((conditions, seen[conditions]), {})
            entry[field] = value.replace("\t", " ")
    for (conditions, _), entry in entries.items():
        yield [entry.get(field, "") for field in FIELDS] + [conditions]


def centres(definitions, table):
    for line in definitions.files[table].splitlines():
        parts = line.split()
        if len(parts) > 1 and parts[0].isdigit() and not parts[1].isdigit():
            yield parts[:2]


class Template:
    """Where the keys of a template of section 4 are: those that lie at the same place in each message."""

    def __init__(self, definitions, name):
        self.definitions, self.keys, self.offset, self.loop = definitions, {}, 9, None
        self.read(f"grib2/templates/{name}")

    def read(self, path):
        depth, taken = 0, None
        for line in self.definitions.files.get(path, "").splitlines():
            line = line.split("#")[0]
            if depth == 0 and (match := re.match(r'\s*include\s+"([^"]+)"', line)):
                self.read(match[1])
            if depth == 0 and re.search(r"\blist\s*\(", line):
                taken = 0
                self.loop = self.loop or self.offset
            inside = depth == 0 or (taken is not None and depth == 1)
            match = re.match(r"\s*(unsigned|signed|codetable|flags)\s*\[(\d+)\]\s*(\w+)", line)
            if match and inside and self.offset is not None:
                width = int(match[2])
                self.keys.setdefault(match[3], (self.offset, width, int(match[1] == "signed")))
                self.offset += width
            elif re.match(r"\s*ieeefloat\s+\w+|\s*byte\[", line) and inside:
                self.offset = None
            depth += line.count("{") - line.count("}")
            if taken is not None and depth == 0 and "}" in line:
                taken, self.offset = None, None

    def lines(self):
        for key, (offset, width, signed) in self.keys.items():
            yield [key, str(offset), str(width), str(signed)]


def table(definitions):
    """Rows of each part."""
    for edition in (1, 2):
        common = "1" if edition == 1 else "11"
        yield f"centres {edition}", centres(definitions, f"common/c-{common}.table")
        for group, directory in definitions.groups(edition):
            for variant in VARIANTS if edition == 2 else VARIANTS[:1]:
                yield f"parameters {edition} {group} {variant}", parameters(definitions, directory, variant)
            for kind, file in (
                ("cfName", "cfName.def"),
                ("typeOfLevel", "typeOfLevel.def" if edition == 1 else "typeOfLevelConcept.def"),
                ("switch", "MTG2SwitchConcept.def"),
                ("switchViaTables", "MTG2SwitchViaTablesVersionConcept.def"),
            ):
                yield f"{kind} {edition} {group} default", definitions.concepts(directory + file)
            yield f"cfName {edition} {group} legacy", definitions.concepts(directory + "cfName.legacy.def")
    for name in sorted(definitions.files):
        if match := re.fullmatch(r"grib2/templates/template\.4\.(\d+)\.def", name):
            yield f"template {match[1]}", Template(definitions, f"template.4.{match[1]}.def").lines()


def packed(parts):
    index, streams, offset = [], [], 0
    for name, rows in parts:
        if text := "\n".join("\t".join(row) for row in rows):
            streams.append(zlib.compress(text.encode(), 9))
            index.append(f"{name}\t{offset}\t{len(streams[-1])}")
            offset += len(streams[-1])
    index = zlib.compress("\n".join(index).encode(), 9)
    return struct.pack("<I", len(index)) + index + b"".join(streams)


if __name__ == "__main__":
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_bytes(packed(table(Definitions(sys.argv[1] if len(sys.argv) > 1 else None))))
    print(f"{OUT}: {OUT.stat().st_size} bytes")
