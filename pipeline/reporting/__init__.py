"""The report of a run: one HTML file with what people look at after a training.

``measures`` computes what the metrics do not tell, ``epochs`` reads the learning curves,
``figures`` draws facts with matplotlib, ``sections`` writes the parts of the page from facts, and
``page`` puts them together. No number reaches the page but through the facts of a stage
(``numbers``).
"""
