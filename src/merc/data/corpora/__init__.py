"""Official data sets as their owners give them, one file each."""
