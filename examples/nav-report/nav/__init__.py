"""Net asset value of a fund, as a report."""
