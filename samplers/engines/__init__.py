"""One sampling engine per file."""
