"""The small environment, one per pull request perhaps: one setting of foundation that the other layers follow.

`foundation:small: true` makes tables on demand, waives provisioned concurrency, and keeps only the alarms that page. A
layer's own configuration goes before what it sets.
"""

from collections.abc import Mapping

LAYER, KEY = "foundation", "small"

# What the setting stands for, by layer and key, as configuration has it.
SETTINGS: Mapping[str, Mapping[str, str]] = {
    "data": {"onDemand": "true"},
    "compute": {"provisionedMinimum": "0"},
    "observability": {"alarmLevel": "pages", "dashboard": "false"},
}
