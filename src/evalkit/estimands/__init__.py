"""What is estimated: numbers in, results out. Knows no study, no file and no plot."""
