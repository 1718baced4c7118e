"""One Python function for each modelled C function of Hafnium, in the C's order, with its names and checks."""
