"""Tests of ``pykeen_dhns.generators``."""
