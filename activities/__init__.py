"""Each does one thing to the world: one transaction or one outside call, safe to repeat."""
