"""Charts as SVG by matplotlib, drawn from facts only.

Colors become CSS variables, so that a chart follows the page into dark mode and onto paper.
"""
