"""What the files of contrib/ are tried in: programs that people look at Pods with."""
