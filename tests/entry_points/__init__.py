"""Tests of the ways into this package that are PyKEEN's."""
