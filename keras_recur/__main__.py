"""Run the command line by `python -m keras_recur`."""

from keras_recur.cli.main import main

main()
