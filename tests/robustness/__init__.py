"""Several servers on an etcd of several members, under load and faults, and a checker of what happened.

`python -m tests.robustness --seed N` runs it; docs/robustness.md says what is driven, broken and checked. From left to right:

    plan (pure, from the seed) -> run: members, servers, proxies, clients, faults -> history + reference -> check (pure) -> violations
"""
