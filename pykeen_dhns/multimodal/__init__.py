"""Entities with several modalities: structure, text, images.

The modules need different parts of PyKEEN, which may be half imported, so they are imported one by one.
"""
