"""The live debugger as a whole: what it must survive, and what it must leave alone."""
