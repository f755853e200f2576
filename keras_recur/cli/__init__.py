"""The command line, `keras-recur`."""
