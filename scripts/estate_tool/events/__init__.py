"""Events of an environment: sent, queried and accounted for; dead-letter queues."""
