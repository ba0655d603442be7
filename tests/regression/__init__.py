"""Losses that must stay what they are."""
