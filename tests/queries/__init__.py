"""Tests of ``pykeen_dhns.queries``."""
