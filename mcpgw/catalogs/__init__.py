"""Where catalog entries come from, and what package managers know about them."""
