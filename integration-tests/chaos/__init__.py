"""A cluster is broken in many ways under load, and what clients notice is counted."""
