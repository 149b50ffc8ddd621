"""Reading of run directories: numbers, words and the verdict."""
