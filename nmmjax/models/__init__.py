"""One file per model; the one public `Model` subclass of a file is the model."""
