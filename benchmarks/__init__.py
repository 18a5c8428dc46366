"""Speed, measured side by side with other systems in one run; ``make bench`` runs all of it."""
