"""Tests of ``pykeen_dhns.losses``."""
