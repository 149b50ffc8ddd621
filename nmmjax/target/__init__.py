"""Target density: model, priors, chart and constraints joined."""
