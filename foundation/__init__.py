"""Layer 1: names, tags, the catalog of workloads, one execution role per function, for all other layers."""
