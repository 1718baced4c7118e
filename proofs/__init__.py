"""Engines, obligations, verdicts, traces, reports and the command line."""
