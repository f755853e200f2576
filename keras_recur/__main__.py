"""`python -m keras_recur` is the command line."""

from keras_recur.cli.main import main

main()
