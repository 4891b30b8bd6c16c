"""The Python server on one NetCDF file. Runs in its own environment. Usage: xpublish_server.py FILE PORT"""

import sys

import xarray as xr
import xpublish

dataset = xr.open_dataset(sys.argv[1], chunks={})
xpublish.Rest({"bench": dataset}).serve(host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")
