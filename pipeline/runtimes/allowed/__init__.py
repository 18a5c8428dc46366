"""What a model file may contain, checked against its bytes before any runtime opens it.

One module for each format reads the file with plain Python and returns what is not allowed;
``check`` turns that into an error. Files come from anywhere, so nothing here loads a model: an
operator that is not on the list of its format is refused, whatever it does.
"""
