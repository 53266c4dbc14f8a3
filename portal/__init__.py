"""What the processes share: the rules, the records, the words."""
