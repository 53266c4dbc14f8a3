"""Proofs about what is remembered."""
