"""Recorded answers about custom resources."""
