"""Scenarios: what is called on which CPU, and what is expected of it, run by both readings (docs/scenarios.md)."""
