"""The command line: `commands/` has a module each; the others are what they share. Parsing and printing only."""
