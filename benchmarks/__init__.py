"""What ReplayChart costs, beside what one would use without it."""
