"""Tools as model vendors write them: schemas and names out, calls in, results out. Pure."""
