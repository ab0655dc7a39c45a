"""The cases of tests/vectors/: `world` holds the sample keys, every other module writes some of the files."""
