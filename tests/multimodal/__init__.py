"""Tests of ``pykeen_dhns.multimodal``."""
