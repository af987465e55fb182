"""The colours of all charts.

Classes are blue and orange, which readers with any of the common colour-vision deficiencies tell
apart; right and wrong differ in lightness too. Fills of the decision surface are tints of the class
colours, so that points stay visible on them.
"""

CLASSES = ("#1b6ca8", "#e07b00")
SURFACE = ("#9cc5e6", "#f6f4f0", "#ffc981")
CORRECT = "#a9b1ba"
WRONG = "#b3134f"
LOSS = "#7b4aa0"
METRIC = "#1d6f5f"
BOUNDARY = "#1f2328"
GRID = "#454c54"
INK = "#24292f"
MUTED = "#656d76"
HAIRLINE = "#d0d7de"
