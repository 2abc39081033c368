"""Admission policies, against what a kube-apiserver answered."""
