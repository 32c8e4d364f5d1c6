"""A simulation of CloudWatch: metrics as AWS stamps and publishes them, alarms as registered by the layer."""
