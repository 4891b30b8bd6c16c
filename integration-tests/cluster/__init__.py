"""A whole cluster on this machine: gateways, workers, Redis and a load balancer."""
