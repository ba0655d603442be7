"""Tests of ``pykeen_dhns.sampling``."""
