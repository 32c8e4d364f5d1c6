"""Monthly cost of the estate, from its load and list prices."""
