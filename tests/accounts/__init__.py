"""Recorded answers about service accounts and their tokens."""
