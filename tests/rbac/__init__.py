"""Recorded answers about who may do what."""
