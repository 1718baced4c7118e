"""Traces: recording, replaying, showing."""
