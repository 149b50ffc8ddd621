"""Pictures of a run directory."""
