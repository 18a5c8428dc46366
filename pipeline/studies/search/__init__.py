"""The choice of trials: a search proposes values and takes earlier results into account."""
