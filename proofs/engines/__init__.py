"""The engines: explicit-state search, bounded model checking, induction."""
