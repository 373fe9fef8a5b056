"""Pure numbers: variance estimates, pivots, multiplicity. Knows no study, no file and no plot."""
