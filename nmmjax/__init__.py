"""nmmjax: parameter-space sampler for neutrino magnetic moments (physics and statistics)."""

import importlib.metadata

__version__ = importlib.metadata.version("nmmjax")
