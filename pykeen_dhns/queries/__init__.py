"""Queries: where an interaction expects the missing entity, given the known entity and the relation.

PyKEEN may be half imported when this package is, so the modules are imported one by one.
"""
