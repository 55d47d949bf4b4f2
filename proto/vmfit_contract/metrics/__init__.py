"""What a service measures of itself, for Prometheus; loaded only where metrics are wanted."""
