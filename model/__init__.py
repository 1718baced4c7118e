"""The executable specification: Hafnium's lifecycle operations and their two readings."""
