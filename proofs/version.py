"""The version of this project, as packages, `--version` and results files state it."""

VERSION = "0.1.0"
