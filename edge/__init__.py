"""The daemon: from windows to one verdict a part, delivered."""
