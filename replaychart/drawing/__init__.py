"""Code shared by the charts: epochs, packed data, colours, text and the theme."""
