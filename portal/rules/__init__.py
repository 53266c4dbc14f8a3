"""Pure decisions of the union: the standard library only; time, ids and chance come in as arguments."""
