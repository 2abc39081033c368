"""Custom resources: what their definitions may say, and what becomes of documents by them. Pure functions.

    definition, shape, rules    what is wrong with a definition
    resources                   what a definition serves
    content                     an instance: shaped (pruning, defaulting, embedded), then judged (values, lists, scales, rules)
    columns, paths              what `kubectl get` prints

Each module is a door of its own. Only `expressions` needs the library of CEL, which is imported with the first rule.
"""
