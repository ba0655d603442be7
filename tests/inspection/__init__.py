"""Tests for the inspection."""
