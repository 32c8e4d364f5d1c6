"""Code shared by the functions and the operator tool: parsing, keys, statistics, access to AWS."""
