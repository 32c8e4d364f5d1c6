"""What the estate costs a month, from what it does and from list prices."""
