"""Proofs about the union's own decisions: pure, hence a second for all of them."""
