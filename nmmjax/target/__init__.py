"""What is sampled: model, priors, chart and constraints joined to a density."""
