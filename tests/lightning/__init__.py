"""Tests for the module of PyTorch Lightning."""
