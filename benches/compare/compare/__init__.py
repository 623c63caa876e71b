"""Side-by-side comparisons with the Python programs that the crates follow."""
