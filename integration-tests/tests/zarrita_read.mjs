// Reads every array of a store with zarrita.js and prints what it found as JSON: shape, type, SHA-256 of the values
// in C order as little-endian bytes, and attributes. Usage: node zarrita_read.mjs URL-OR-DIRECTORY VERSION CONSOLIDATED PATH…
import { createHash } from "node:crypto";
import { FileSystemStore } from "@zarrita/storage";
import * as zarr from "zarrita";

const [url, version, consolidated, ...paths] = process.argv.slice(2);
let store = url.startsWith("/") ? new FileSystemStore(url) : new zarr.FetchStore(url);
const listed = [];
if (consolidated === "true") {
  store = await zarr.withConsolidatedMetadata(store, { format: version });
  listed.push(...store.contents().filter((entry) => entry.kind === "array").map((entry) => entry.path));
}
const open = zarr.open[version];
const root = zarr.root(store);
const found = {};
for (const path of paths) {
  const array = await open(root.resolve(path), { kind: "array" });
  const chunk = await zarr.get(array);
  const data = array.shape.length === 0 && !ArrayBuffer.isView(chunk) && chunk.data === undefined ? null : chunk.data;
  const bytes = data === null
    ? Buffer.from(new Float64Array([Number(chunk)]).buffer)
    : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  found[path] = {
    shape: array.shape,
    dtype: array.dtype,
    scalar: data === null ? Number(chunk) : undefined,
    sha256: createHash("sha256").update(bytes).digest("hex"),
    attributes: array.attrs,
  };
}
console.log(JSON.stringify({ listed, arrays: found }));
