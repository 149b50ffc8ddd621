"""Experimental inputs with their sources; read by `nmmjax.constraints`."""
