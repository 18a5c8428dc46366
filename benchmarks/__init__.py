"""Benchmarks: speed measured side by side with other systems; ``make bench`` runs them."""
