"""nmmjax: parameter-space sampler for neutrino magnetic moments (physics and statistics)."""
