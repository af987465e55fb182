"""Code shared by the charts: epochs, packed data, colors, text and the theme."""
