"""kerchunk Parquet sets for tests, as fsspec's own writer makes them."""

import json
import pathlib

import fsspec
import kerchunk.hdf
from fsspec.implementations.reference import LazyReferenceMapper


def write_set(place: pathlib.Path, references: dict, record_size: int, engine: str = "fastparquet") -> pathlib.Path:
    """Writes references, keys to documents, bytes or `[target, offset, size]`, as a set."""
    mapper = LazyReferenceMapper.create(str(place), fs=fsspec.filesystem("file"), record_size=record_size,
                                        engine=engine, categorical_threshold=1)
    # An array must be known before its chunks.
    for key, value in sorted(references.items(), key=lambda item: not item[0].rsplit("/", 1)[-1].startswith(".z")):
        mapper[key] = json.dumps(value) if isinstance(value, dict) else value
    mapper.flush()
    return place


def references_of(source: pathlib.Path, target: str, inline_below: int = 0) -> dict:
    """What kerchunk makes of an HDF5 file, pointing to `target` in place of it."""
    made = kerchunk.hdf.SingleHdf5ToZarr(str(source), inline_threshold=inline_below).translate()["refs"]
    for value in made.values():
        if isinstance(value, list):
            value[0] = target
    return made
