"""The choice of trials: a search proposes values, and is told their results."""
