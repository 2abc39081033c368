"""Admission and conversion webhooks: what a kube-apiserver sends and answers, and what this server does."""
