"""Figures and tables of the source papers redrawn, what is printed beside what is derived."""
