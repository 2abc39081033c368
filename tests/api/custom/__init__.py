"""The pure rules of custom resources."""
