"""Singer tap for the TargetADS marketing-analytics API."""
