#!/usr/bin/env bash
# Registers the sample data of this repository at the server that CLOUDIFY_SERVER and CLOUDIFY_ADMIN_TOKEN name.
# Usage: samples.sh BINARY
set -euo pipefail
binary=$1
data=$(realpath "$(dirname "$0")/../data/real")
cmip6=$data/cmip6
"$binary" register cmip6.awi.ta.mon "$cmip6/AWI-CM-1-1-MR/*.nc" >/dev/null
"$binary" register cmip6.mpi.ta.mon "$cmip6/MPI-ESM1-2-LR/ta_Amon_*.nc" >/dev/null
"$binary" register nemo.ocean.2015-01 "$data/metoffice/nemo_1m_20150101-20150201_grid-T.nc" >/dev/null
"$binary" register ncep.air.6h "$data/misc/air_temperature_small.nc" >/dev/null
"$binary" register ecmwf.t.pl "$data/grib/t_time_series.grib" >/dev/null
"$binary" register healpix.grib "$data/grib/healpix_H8.grib2" >/dev/null
"$binary" register fesom.ice "$data/fesom/a_ice.fesom.*.nc" >/dev/null
