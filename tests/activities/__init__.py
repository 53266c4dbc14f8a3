"""Proofs about what activities do to the world: real records, real objects, real mail."""
