"""The results of a study as JSON, Markdown, CSV, Parquet and a page."""
