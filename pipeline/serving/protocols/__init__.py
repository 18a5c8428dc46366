"""What is spoken: each module turns requests of one protocol into questions to a version."""
