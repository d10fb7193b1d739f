"""Tests of faxstore."""
