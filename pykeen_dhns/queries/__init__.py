"""Queries: what an interaction compares with the candidates for a missing entity.

There are no imports here, since PyKEEN may be half imported when this package is. Some modules need more of it.
"""
