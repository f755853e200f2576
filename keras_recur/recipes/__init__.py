"""How the families are trained: by their papers, and quickly on a laptop."""

from keras_recur.recipes.paper import paper_recipe

__all__ = ["paper_recipe"]
