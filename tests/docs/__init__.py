"""The documentation is true: each thing it names is there."""
