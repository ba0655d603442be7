"""Entities with several modalities: structure, text, images.

There are no imports here, since PyKEEN may be half imported when this package is. Each module needs other parts of it.
"""
