"""Why an operator sends 0 back where something arrives: one file for each reason."""
