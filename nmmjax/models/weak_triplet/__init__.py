"""Model-I of arXiv:2605.19544 with one generation."""
