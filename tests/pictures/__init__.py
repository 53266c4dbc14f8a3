"""Proofs about pictures of identity documents."""
