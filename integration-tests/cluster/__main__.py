"""`make cluster`: a cluster that serves the sample data on PORT until Ctrl-C."""

import os
import pathlib
import secrets
import signal
import subprocess
import tempfile
import time

from cluster import local
from harness.paths import REAL, REPOSITORY, binary

os.environ.setdefault("BINARY_UNDER_TEST", str(REPOSITORY / "target" / "release" / "cloudify"))
SAMPLES = REPOSITORY / "integration-tests" / "tools" / "samples.sh"


def tell(cluster: local.Cluster, directory: pathlib.Path, token: str) -> None:
    """Prints what is where."""
    members = [("load balancer", cluster.balancer, cluster.url)]
    members += [(service.name, service, service.url) for service in cluster.services]
    members += [("redis", cluster.redis, cluster.redis.url)]
    listed = subprocess.run(
        [binary(), "ls", "--server", cluster.url], env=cluster.system.environment, text=True, capture_output=True, check=True
    )
    print("\nRunning:")
    for name, member, url in members:
        print(f"  {name:14} {url:32} process {member.pid}")
    print("\nServed, through either gateway and any worker, as Zarr:")
    for dataset in listed.stdout.split():
        print(f"  {cluster.url}/datasets/{dataset}/")
    print(f"""
In Python (pip install xarray zarr fsspec aiohttp requests dask):

  import xarray as xr
  ds = xr.open_dataset("{cluster.url}/datasets/ncep.air.6h/zarr", engine="zarr", chunks={{}})
  print(float(ds.air.mean()))

To administrate it:

  export CLOUDIFY_SERVER={cluster.url} CLOUDIFY_ADMIN_TOKEN={token}
  {binary()} ls

Kill a worker and go on reading: kill -9 {cluster.workers[0].pid}
Logs are in {directory}. Ctrl-C ends it all.
""", flush=True)


def main() -> None:
    # Both end it as an exception does: what was started is stopped.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    token = secrets.token_hex(16)
    with tempfile.TemporaryDirectory(prefix="cloudify-cluster-") as folder:
        directory = pathlib.Path(folder)
        plan = local.Plan(directory, [REAL], directory / "catalog", token=token, port=int(os.environ.get("PORT", "9000")))
        cluster = None
        try:
            cluster = local.start(plan)
            variables = cluster.system.environment | {"CLOUDIFY_SERVER": cluster.url}
            subprocess.run([SAMPLES, binary()], env=variables, check=True)
            # Gateways look at the catalog once a second.
            time.sleep(1.5)
            tell(cluster, directory, token)
            signal.pause()
        except KeyboardInterrupt:
            print("\nending")
        finally:
            if cluster:
                cluster.stop()


main()
