"""What ``pipeline.run`` returns: numbers, sentences about them, and a card for notebooks."""
