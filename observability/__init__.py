"""Layer 4: monitoring — alarms, the topics they notify, the dashboard, saved queries."""
