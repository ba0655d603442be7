"""Tests for datasets."""
