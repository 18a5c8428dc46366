"""Self-contained HTML pages: a template of the package with data, without any other file."""
