"""Layer 1: what every other layer follows — names, tags, the catalog of workloads, one execution role per function."""
