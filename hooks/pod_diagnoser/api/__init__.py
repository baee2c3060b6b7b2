"""What is on the wire: Pods, our own kinds, hook requests; safe text, times."""
