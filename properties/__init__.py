"""What must hold of the lifecycle: statements that know nothing of how they are proved."""
