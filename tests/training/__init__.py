"""Tests of ``pykeen_dhns.training``."""
