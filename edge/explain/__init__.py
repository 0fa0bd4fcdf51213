"""`edge explain`: the decision path of one verdict, for people."""
