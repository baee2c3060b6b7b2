"""Metacontroller 4.17.2 as a DecoratorController's hook meets it.

Each module follows the Go file that it names, step by step, so that what the hook is sent, what is
written and in which order are those of the real one. Not modelled: finalize hooks, hook version
v1, etags, TLS and authorization, server-side apply, CompositeControllers.
"""
