"""Experimental inputs: likelihood shapes, and the library of sourced numbers."""
