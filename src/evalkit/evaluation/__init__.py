"""The conductor: a study and a period in, results out."""
