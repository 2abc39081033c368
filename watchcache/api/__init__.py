"""Kubernetes' API as data and pure rules: kinds, schemas, bytes, errors, names, selectors, options, patches, tables.

Nothing here does I/O, reads a clock or waits; what is wrong with a request is raised as a `status.StatusError` that carries
the answer. The modules are the package's doors, because each is one noun that its users import by name: `catalog`, `schema`,
`codec`, `status`, `structure`, `defaulting`, `meta`, `names`, `labels`, `selectors`, `options`, `patch`, `table`, `protobuf`, `user`.
"""
