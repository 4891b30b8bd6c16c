#!/usr/bin/env bash
# Serves the sample data of this repository until Ctrl-C. Usage: demo.sh BINARY; PORT in the environment.
set -euo pipefail
binary=$(realpath "$1")
port=${PORT:-9000}
data=$(realpath "$(dirname "$0")/../data/real")
catalog=$(mktemp -d)
CLOUDIFY_ADMIN_TOKEN=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
export CLOUDIFY_ADMIN_TOKEN CLOUDIFY_SERVER=http://127.0.0.1:$port

"$binary" serve --listen "127.0.0.1:$port" --catalog "$catalog" --root "$data" &
server=$!
trap 'kill $server 2>/dev/null; wait $server 2>/dev/null; rm -rf "$catalog"' EXIT
trap 'exit 0' INT TERM

for _ in $(seq 100); do
    "$binary" ls >/dev/null 2>&1 && break
    kill -0 $server 2>/dev/null || { echo "the server did not start; is port $port taken? PORT=… chooses another" >&2; exit 1; }
    sleep 0.1
done

"$(dirname "$0")/samples.sh" "$binary"

cat <<EOF

Served from where they lie, as Zarr:
$("$binary" ls | sed "s|.*|  $CLOUDIFY_SERVER/datasets/&/|")
Interactive documentation: $CLOUDIFY_SERVER/docs

In Python (pip install xarray zarr fsspec aiohttp requests dask):

  import xarray as xr
  url = "$CLOUDIFY_SERVER/datasets/ncep.air.6h/kerchunk"
  ds = xr.open_dataset(url, engine="zarr", chunks={})
  print(ds)
  print(float(ds.air.mean()))

GRIB decoded: $CLOUDIFY_SERVER/datasets/ecmwf.t.pl/zarr

Ctrl-C ends it.
EOF
wait $server
