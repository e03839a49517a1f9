"""Design matrices that are not written out."""
