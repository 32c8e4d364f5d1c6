"""Layer 3: stateless resources — functions, aliases, triggers, dead-letter queues of functions."""
