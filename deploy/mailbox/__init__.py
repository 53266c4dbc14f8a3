"""A mailbox for one machine: an SMTP server that keeps every mail, and a page that shows them."""
