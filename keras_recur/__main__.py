"""Run the command line with `python -m keras_recur`."""

from keras_recur.cli.main import main

main()
