"""What the functions share, and what the operator tool may import: parsing, keys, statistics, access to AWS."""
