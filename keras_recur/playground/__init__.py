"""A page in the browser that shows what a network answers after every iteration."""

from keras_recur.playground.play import play

__all__ = ["play"]
