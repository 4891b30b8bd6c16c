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

cmip6=$data/cmip6
"$binary" register cmip6.awi.ta.mon "$cmip6/AWI-CM-1-1-MR/*.nc" >/dev/null
"$binary" register cmip6.mpi.ta.mon "$cmip6/MPI-ESM1-2-LR/ta_Amon_*.nc" >/dev/null
"$binary" register nemo.ocean.2015-01 "$data/metoffice/nemo_1m_20150101-20150201_grid-T.nc" >/dev/null
"$binary" register ncep.air.6h "$data/misc/air_temperature_small.nc" >/dev/null
"$binary" register ecmwf.t.pl "$data/grib/t_time_series.grib" >/dev/null
"$binary" register healpix.grib "$data/grib/healpix_H8.grib2" >/dev/null
"$binary" register fesom.ice "$data/fesom/a_ice.fesom.*.nc" >/dev/null

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
