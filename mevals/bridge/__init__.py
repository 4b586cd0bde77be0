"""lm-eval's tasks through our engine and store, and lm-eval's own results files as imported cells."""
