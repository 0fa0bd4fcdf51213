"""How fast the engines of this box run a bundle, and how fast they could."""
