"""Dark-photon model of arXiv:2603.25704."""
