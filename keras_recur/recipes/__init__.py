"""Training recipes of the families: the papers' own, and quick ones for a laptop."""

from keras_recur.recipes.entry_recipes import entry_recipes
from keras_recur.recipes.paper import paper_recipe

__all__ = ["entry_recipes", "paper_recipe"]
