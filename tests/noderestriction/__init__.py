"""NodeRestriction, held to the answers of a real kube-apiserver."""
