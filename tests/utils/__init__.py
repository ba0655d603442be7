"""Tests of ``pykeen_dhns.utils``."""
