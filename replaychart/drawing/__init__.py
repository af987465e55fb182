"""What charts share: the clock, packed data, colours, texts and the theme."""
